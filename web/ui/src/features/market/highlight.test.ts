import { expect, it } from "vitest";
import { partsOf } from "./highlight";

const shown = (text: string, ranges: [number, number][]) =>
  partsOf(text, ranges)
    .map((part) => (part.marked ? `[${part.text}]` : part.text))
    .join("");

it.each([
  ["fresh strawberries", [[6, 16]], "fresh [strawberri]es"],
  ["新鲜草莓", [[2, 4]], "新鲜[草莓]"],
  [
    "ab",
    [
      [1, 2],
      [0, 1],
    ],
    "[a][b]",
  ],
  [
    "ab",
    [
      [0, 9],
      [1, 1],
      [-1, 1],
    ],
    "ab",
  ],
  [
    "abcd",
    [
      [0, 3],
      [1, 4],
    ],
    "[abc]d",
  ],
  ["", [], ""],
] as [string, [number, number][], string][])("marks %s %j", (text, ranges, expected) => {
  expect(shown(text, ranges)).toBe(expected);
});
