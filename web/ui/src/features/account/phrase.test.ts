import { describe, expect, it } from "vitest";
import { deviceCode, tidy, wordsIn } from "./phrase";

describe("the phrase", () => {
  it("is taken however it is written", () => {
    expect(tidy("  Apple\n pear\tPLUM ")).toBe("apple pear plum");
    expect(wordsIn("")).toBe(0);
    expect(wordsIn(" one  two\n")).toBe(2);
  });
});

describe("the code of a device", () => {
  it("is found among other words, and nothing else is", () => {
    expect(deviceCode("Here: hutong:device/abc/def?a=/ip4/1 \n thanks")).toBe(
      "hutong:device/abc/def?a=/ip4/1",
    );
    expect(deviceCode("hutong:contact/abc")).toBeNull();
  });
});
