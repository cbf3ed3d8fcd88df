import { describe, expect, it } from "vitest";
import { bounded, SCALE_MAX, WHOLE, zoomed } from "./zoom";

const window = { width: 400, height: 800 };
const shown = { width: 400, height: 300 };

describe("zoomed", () => {
  it("keeps the point under the finger where it is", () => {
    expect(zoomed(WHOLE, 2, { x: 100, y: -50 })).toEqual({ scale: 2, x: -100, y: 50 });
    expect(zoomed({ scale: 2, x: -100, y: 50 }, 0.5, { x: 100, y: -50 })).toEqual(WHOLE);
  });
  it("has bounds", () => {
    expect(zoomed(WHOLE, 100, { x: 0, y: 0 }).scale).toBe(SCALE_MAX);
    expect(zoomed(WHOLE, 0.1, { x: 0, y: 0 }).scale).toBe(1);
  });
});

describe("bounded", () => {
  it("does not let the picture leave the window", () => {
    expect(bounded({ scale: 1, x: 90, y: 90 }, shown, window)).toEqual(WHOLE);
    expect(bounded({ scale: 2, x: 900, y: 90 }, shown, window)).toEqual({ scale: 2, x: 200, y: 0 });
    expect(bounded({ scale: 4, x: -900, y: -900 }, shown, window)).toEqual({ scale: 4, x: -600, y: -200 });
  });
});
