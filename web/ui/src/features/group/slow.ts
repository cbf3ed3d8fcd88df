/** Slow mode: one message fits each pause of the clock, so that all nodes agree which one counts. */

/** Until when the next message waits, after one at `lastAt`; null when it may go. Times in ms, the pause in seconds. */
export function waitsUntil(pause: number, lastAt: number | null, now: number): number | null {
  if (pause <= 0 || lastAt === null) return null;
  const ms = pause * 1_000;
  const end = (Math.floor(lastAt / ms) + 1) * ms;
  return end > now ? end : null;
}

/** A time left in ms as "0:42", "12:05" or "1:00:00"; what has begun counts as whole. */
export function countdown(ms: number): string {
  const all = Math.max(0, Math.ceil(ms / 1_000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const [hours, minutes, seconds] = [Math.floor(all / 3_600), Math.floor(all / 60) % 60, all % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}
