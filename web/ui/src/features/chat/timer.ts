/** After how long messages disappear, in words. */
import { t } from "./texts";

const HOUR = 3_600_000;

/** What can be chosen, in ms. */
export const TIMERS = {
  off: 0,
  hour: HOUR,
  day: 24 * HOUR,
  week: 7 * 24 * HOUR,
  month: 28 * 24 * HOUR,
} as const;

/** A time in words; one that is not among the choices, in minutes. */
export function timerText(ms: number): string {
  const choice = (Object.keys(TIMERS) as (keyof typeof TIMERS)[]).find((one) => TIMERS[one] === ms);
  return choice ? t.disappearOptions[choice] : t.disappearOther(Math.max(1, Math.round(ms / 60_000)));
}

/** The line that says who changed it. */
export function timerLine(ms: number, mine: boolean, name: string): string {
  if (ms === 0) return mine ? t.timerOff.mine : t.timerOff.other(name);
  return mine ? t.timerSet.mine(timerText(ms)) : t.timerSet.other(name, timerText(ms));
}
