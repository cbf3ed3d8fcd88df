import { describe, expect, it } from "vitest";
import { parts } from "./highlight";

describe("parts", () => {
  it("marks what matched", () => {
    expect(parts("Red tea", [[4, 7]])).toEqual([
      { text: "Red ", hit: false },
      { text: "tea", hit: true },
    ]);
  });
  it("survives ranges that overlap, lie outside or are upside down", () => {
    const cut = parts("红茶 tea", [
      [3, 99],
      [0, 2],
      [1, 2],
      [5, 4],
    ]);
    expect(cut.map((part) => part.text).join("")).toBe("红茶 tea");
    expect(cut.filter((part) => part.hit).map((part) => part.text)).toEqual(["红茶", "tea"]);
  });
});
