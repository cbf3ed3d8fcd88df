import { describe, expect, it } from "vitest";
import { fit } from "./picture";

describe("fit", () => {
  it("cuts the middle out of a wide picture and shrinks it", () => {
    expect(fit(4000, 3000, 512, true)).toEqual({ x: 500, y: 0, w: 3000, h: 3000, toW: 512, toH: 512 });
  });
  it("keeps the shape where it need not be square", () => {
    expect(fit(4000, 3000, 1600, false)).toMatchObject({ x: 0, y: 0, toW: 1600, toH: 1200 });
  });
  it("never enlarges and never vanishes", () => {
    expect(fit(100, 80, 512, true)).toMatchObject({ toW: 80, toH: 80 });
    expect(fit(10000, 1, 512, false)).toMatchObject({ toW: 512, toH: 1 });
  });
});
