/** What a person types as the recovery phrase. */

/** Words in a recovery phrase. */
export const WORDS = 12;

/** The words alone, as the node wants them: however they were separated, in small letters. */
export const tidy = (text: string): string => text.trim().toLowerCase().split(/\s+/).join(" ");

/** How many words there are so far. */
export const wordsIn = (text: string): number => (text.trim() === "" ? 0 : text.trim().split(/\s+/).length);

/** The code of a new device in a scanned or pasted text, or null. */
export const deviceCode = (text: string): string | null => /hutong:device\/\S+/.exec(text)?.[0] ?? null;
