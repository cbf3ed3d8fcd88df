import type { DraftProblem } from "./draft";
import type { StoreProblem } from "./settings";
import { t } from "./texts";

/** A problem of a field in words; null when there is none. */
export function say(problem: StoreProblem | DraftProblem | undefined): string | null {
  if (problem === undefined) return null;
  if (typeof problem === "object") return t.badZone(problem.zone);
  return {
    required: t.required,
    price: t.badPrice("12.50"),
    number: t.badNumber,
    days: t.badDays,
    fee: t.badFee,
  }[problem];
}
