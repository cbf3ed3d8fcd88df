import { expect, test } from "vitest";
import { asked, named, stillNamed } from "./mentions";

const li = { account: "a", name: "Li" };
const lily = { account: "b", name: "Lily Wang" };

test("names are found where they stand, the longest first", () => {
  expect(named("@Lily Wang and @Li, not li@Li.example @Tom", [li, lily]).map((one) => one.account)).toEqual([
    "b",
    null,
    "a",
    null,
    "a",
    null,
  ]);
  expect(named("plain", [li])).toEqual([{ text: "plain", account: null }]);
});

test("who is no longer named is left out", () => {
  expect(stillNamed("@Li @Li", [li, lily])).toEqual([li]);
});

test("an @ asks for a name unless it is in an address", () => {
  expect(asked("hi @Li", 6)).toEqual({ from: 3, word: "Li" });
  expect(asked("@", 1)).toEqual({ from: 0, word: "" });
  for (const text of ["mei@example", "no at all", `@${"x".repeat(31)}`, "@a\nb"]) {
    expect(asked(text, text.length), text).toBeNull();
  }
});
