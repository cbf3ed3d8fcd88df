/** A time to come, as people say it. */
import { clock, date, sameDay } from "$lib/time";

/** Today's by the clock, others with their date. */
export function whenText(at: number, now: number, tag: string): string {
  return sameDay(at, now) ? clock(at, tag) : `${date(at, now, tag)}, ${clock(at, tag)}`;
}

/** From when the hour matters no more, in ms. */
const FAR_MS = 2 * 86_400_000;

/** Like {@link whenText}; what is far off by its date alone. */
export function dayText(at: number, now: number, tag: string): string {
  return at - now > FAR_MS ? date(at, now, tag) : whenText(at, now, tag);
}
