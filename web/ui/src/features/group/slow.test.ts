import { expect, it } from "vitest";
import { countdown, waitsUntil } from "./slow";

it("one message fits each pause of the clock", () => {
  expect(waitsUntil(10, 12_345, 13_000)).toBe(20_000);
  expect(waitsUntil(10, 19_999, 19_999)).toBe(20_000); // a millisecond is left of this one
  expect(waitsUntil(10, 20_000, 20_000)).toBe(30_000);
});

it("may go when the pause is over, when nothing was said, and without slow mode", () => {
  expect(waitsUntil(10, 12_345, 20_000)).toBeNull();
  expect(waitsUntil(10, null, 13_000)).toBeNull();
  expect(waitsUntil(0, 12_345, 12_345)).toBeNull();
});

it("counts down", () => {
  for (const [ms, want] of [
    [0, "0:00"],
    [-5, "0:00"],
    [1, "0:01"],
    [42_000, "0:42"],
    [60_000, "1:00"],
    [725_000, "12:05"],
    [3_600_000, "1:00:00"],
    [86_399_001, "24:00:00"],
  ] as const) {
    expect(countdown(ms)).toBe(want);
  }
});
