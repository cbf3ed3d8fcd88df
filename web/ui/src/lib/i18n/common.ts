/** The shared texts. */
import { en, type Messages } from "./en";
import { locale, messages } from "./index.svelte";

export const c: Messages = messages<Messages>(en, () => import("./zh"));

/** Codes that this page makes itself; their sentences are ours in every language. */
const OURS = new Set(["offline", "unexpected"]);

/**
 * What to tell a person about an error.
 *
 * The node's own sentence is the most exact, but it is English; in other languages our words for its code go first.
 */
export function explain(error: { code: string; message: string }): string {
  const ours = c.errors[error.code];
  const nodeFirst = locale.language === "en" && !OURS.has(error.code);
  return (nodeFirst ? error.message || ours : ours || error.message) ?? error.message;
}
