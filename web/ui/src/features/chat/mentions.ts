/** People named in a text: `@` and their name. */
import type { Mention } from "$lib/types";

export interface Piece {
  text: string;
  /** Who is named; null for plain text. */
  account: string | null;
}

/** A text cut at the names in it. Of names that begin alike the longest counts. */
export function named(text: string, mentions: readonly Mention[]): Piece[] {
  const longest = [...mentions].sort((a, b) => b.name.length - a.name.length);
  const pieces: Piece[] = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    const hit = text[at] === "@" ? longest.find((one) => text.startsWith(one.name, at + 1)) : undefined;
    if (hit) {
      if (plain) pieces.push({ text: plain, account: null });
      plain = "";
      pieces.push({ text: `@${hit.name}`, account: hit.account });
      at += hit.name.length + 1;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  if (plain) pieces.push({ text: plain, account: null });
  return pieces;
}

/** Those of `mentions` whose name still stands in the text, each once. */
export function stillNamed(text: string, mentions: readonly Mention[]): Mention[] {
  const seen = new Set(
    named(text, mentions)
      .map((one) => one.account)
      .filter((one) => one !== null),
  );
  return mentions.filter((one) => seen.delete(one.account));
}

/** What is being typed behind an `@` that ends at the caret; null if nothing is. */
export function asked(text: string, caret: number): { from: number; word: string } | null {
  const before = text.slice(0, caret);
  const from = before.lastIndexOf("@");
  if (from < 0) return null;
  const word = before.slice(from + 1);
  // Within an address, or further than a name goes, it names nobody.
  if (word.length > 30 || /[\n@]/.test(word) || /[\w.]/.test(before[from - 1] ?? "")) return null;
  return { from, word };
}
