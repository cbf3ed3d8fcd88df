import { expect, test } from "vitest";
import { postageTime } from "./postage";

test("each bit doubles the work, and the words keep up", () => {
  const bits = [0, 20, 21, 24, 25, 26, 27, 28];
  const words = ["moment", "moment", "seconds", "seconds", "tens", "tens", "minute", "minute"];
  expect(bits.map(postageTime)).toEqual(words);
});
