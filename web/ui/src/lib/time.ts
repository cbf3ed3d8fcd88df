/** Dates and times as people say them. `now` is passed in, so that the texts can be tested. */
import type { Ms } from "./types";

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const cache = new Map<string, Intl.DateTimeFormat>();
function format(tag: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = tag + JSON.stringify(options);
  let it = cache.get(key);
  if (!it) cache.set(key, (it = new Intl.DateTimeFormat(tag, options)));
  return it;
}

const midnight = (at: Ms): number => new Date(at).setHours(0, 0, 0, 0);
/** Whole local days from `at` to `now`; robust to days of 23 and 25 hours. */
const daysAgo = (at: Ms, now: Ms): number => Math.round((midnight(now) - midnight(at)) / DAY);

const capital = (text: string, tag: string): string => text.charAt(0).toLocaleUpperCase(tag) + text.slice(1);

/** "14:05" */
export const clock = (at: Ms, tag: string): string =>
  format(tag, { hour: "2-digit", minute: "2-digit" }).format(at);

/** Everything, for a tooltip: "Saturday, 22 November 2025 at 14:05:09". */
export const exact = (at: Ms, tag: string): string =>
  format(tag, { dateStyle: "full", timeStyle: "medium" }).format(at);

/** "22 November 2025" or "22 Nov" when it is this year. */
export function date(at: Ms, now: Ms, tag: string): string {
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format(tag, {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" as const }),
  }).format(at);
}

/** For a list row: the time today, "yesterday", a weekday, or a date. */
export function listTime(at: Ms, now: Ms, tag: string): string {
  const days = daysAgo(at, now);
  if (days <= 0) return clock(at, tag);
  if (days === 1)
    return capital(new Intl.RelativeTimeFormat(tag, { numeric: "auto" }).format(-1, "day"), tag);
  if (days < 7) return format(tag, { weekday: "short" }).format(at);
  return date(at, now, tag);
}

/** For a separator between days: "Today", "Yesterday", "Saturday, 22 November". */
export function dayLabel(at: Ms, now: Ms, tag: string): string {
  const days = daysAgo(at, now);
  if (days >= 0 && days < 2) {
    return capital(new Intl.RelativeTimeFormat(tag, { numeric: "auto" }).format(-days, "day"), tag);
  }
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return format(tag, {
    weekday: "long",
    day: "numeric",
    month: "long",
    ...(sameYear ? {} : { year: "numeric" as const }),
  }).format(at);
}

/** "5 minutes ago", "in 2 hours", "3 days ago"; older than a month as a date. */
export function relative(at: Ms, now: Ms, tag: string): string {
  const words = new Intl.RelativeTimeFormat(tag, { numeric: "auto" });
  const delta = at - now;
  const size = Math.abs(delta);
  if (size < MINUTE) return words.format(0, "second");
  if (size < HOUR) return words.format(Math.trunc(delta / MINUTE), "minute");
  if (size < DAY) return words.format(Math.trunc(delta / HOUR), "hour");
  if (size < 30 * DAY) return words.format(Math.trunc(delta / DAY), "day");
  return date(at, now, tag);
}

/** Whether two times fall on the same local day. */
export const sameDay = (a: Ms, b: Ms): boolean => midnight(a) === midnight(b);
