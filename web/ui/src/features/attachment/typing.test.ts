import { describe, expect, it } from "vitest";
import { typingLine } from "./typing.svelte";

describe("typingLine", () => {
  it("names who writes, as far as there is room", () => {
    expect(typingLine([], false)).toBe("");
    expect(typingLine(["Tom"], true)).toBe("writing…");
    expect(typingLine(["Tom"], false)).toBe("Tom is writing…");
    expect(typingLine(["Tom", "Lan"], false)).toBe("Tom and Lan are writing…");
    expect(typingLine(["Tom", "Lan", "Mei"], false)).toBe("3 people are writing…");
  });
});
