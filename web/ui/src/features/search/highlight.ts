/** Cuts a title into parts, marked where the search matched. */

export interface Part {
  text: string;
  hit: boolean;
}

/** `ranges` are UTF-16 positions; ones that overlap or lie outside are put right rather than trusted. */
export function parts(title: string, ranges: readonly (readonly [number, number])[]): Part[] {
  const out: Part[] = [];
  let at = 0;
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const start = Math.max(at, from);
    const end = Math.min(title.length, to);
    if (end <= start) continue;
    if (start > at) out.push({ text: title.slice(at, start), hit: false });
    out.push({ text: title.slice(start, end), hit: true });
    at = end;
  }
  if (at < title.length) out.push({ text: title.slice(at), hit: false });
  return out;
}
