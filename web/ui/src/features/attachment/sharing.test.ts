import { describe, expect, it } from "vitest";
import { worthTelling } from "./sharing.svelte";

const at = (ms: number, latitude = 31.2) => ({ latitude, longitude: 121.5, at: ms });

describe("worthTelling", () => {
  it("tells the first place at once", () => {
    expect(worthTelling(null, at(0))).toBe(true);
  });
  it("tells of a move, but not more than four times a minute", () => {
    expect(worthTelling(at(0), at(14_999, 31.3))).toBe(false);
    expect(worthTelling(at(0), at(15_000, 31.3))).toBe(true);
  });
  it("tells of standing still now and then", () => {
    expect(worthTelling(at(0), at(60_000))).toBe(false);
    expect(worthTelling(at(0), at(120_000))).toBe(true);
  });
});
