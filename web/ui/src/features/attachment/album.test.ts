import { describe, expect, it } from "vitest";
import { albumGrid, shownSize } from "./album";

describe("shownSize", () => {
  it("keeps the shape inside its bounds", () => {
    expect(shownSize(4000, 3000)).toEqual({ width: 320, height: 240 });
    expect(shownSize(3000, 4000)).toEqual({ width: 270, height: 360 });
  });
  it("neither enlarges nor lets a strip vanish", () => {
    expect(shownSize(200, 160)).toEqual({ width: 200, height: 160 });
    expect(shownSize(9000, 30)).toEqual({ width: 320, height: 140 });
    expect(shownSize(1, 1)).toEqual({ width: 140, height: 140 });
  });
  it("is a square while the shape is not known", () => {
    expect(shownSize(null, null)).toEqual({ width: 240, height: 240 });
  });
});

describe("albumGrid", () => {
  it("leaves no hole", () => {
    for (const count of [2, 3, 4, 5, 6, 7, 8, 9, 10]) {
      const { columns, first } = albumGrid(count);
      expect((count - 1 + first) % columns, String(count)).toBe(0);
      expect(first).toBeLessThanOrEqual(columns);
    }
  });
});
