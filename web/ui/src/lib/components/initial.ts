/** The letter and colour that stand for someone without a picture. */
export const HUES = 8;

/** The first letter that can stand for a name: one grapheme, upper case; empty when there is none. */
export function initialOf(name: string): string {
  const text = name.trim();
  if (!text) return "";
  const first = new Intl.Segmenter(undefined, { granularity: "grapheme" })
    .segment(text)
    [Symbol.iterator]()
    .next();
  return first.done ? "" : first.value.segment.toLocaleUpperCase();
}

/** One of the {@link HUES} tints, always the same for the same id. */
export function hueOf(id: string): number {
  let sum = 0;
  for (let index = 0; index < id.length; index += 1) sum = (sum * 31 + id.charCodeAt(index)) >>> 0;
  return sum % HUES;
}
