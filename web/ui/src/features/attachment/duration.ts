/** "0:07", "12:40", "1:02:03". A begun second does not count, so that a running time never jumps ahead. */
export function duration(ms: number): string {
  const all = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, seconds] = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** A length: whatever plays at all is said to play a second. */
export const length = (ms: number): string => duration(Math.max(1000, ms));
