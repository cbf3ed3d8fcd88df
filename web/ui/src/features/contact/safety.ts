/** Comparing safety numbers. */

/** Digits that are read out in one breath. */
const GROUP = 5;
/** Digits in a safety number. */
const DIGITS = 60;

export type Compared = "match" | "differs" | "other";

/** The number in groups, as it is read out. */
export const groups = (number: string): string[] =>
  Array.from({ length: Math.ceil(number.length / GROUP) }, (_, at) =>
    number.slice(at * GROUP, (at + 1) * GROUP),
  );

/** Whether what was scanned is the same number, a different one, or no safety number at all. */
export function compared(mine: string, scanned: string): Compared {
  const digits = scanned.replace(/\s/g, "");
  if (!/^\d+$/.test(digits) || digits.length !== DIGITS) return "other";
  return digits === mine ? "match" : "differs";
}
