import { describe, expect, it } from "vitest";
import { HUES, hueOf, initialOf } from "./initial";

describe("initials", () => {
  it.each([
    ["mei", "M"],
    [" 李师傅", "李"],
    ["👩‍🌾 Farm", "👩‍🌾"],
    ["", ""],
  ])("of %j", (name, initial) => expect(initialOf(name)).toBe(initial));
  it("have a steady colour", () => {
    expect(hueOf("abc")).toBe(hueOf("abc"));
    for (const id of ["", "a", "zzzzzzzzzzzz"]) expect(hueOf(id)).toBeLessThan(HUES);
  });
});
