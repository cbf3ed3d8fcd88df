/** The shared texts. */
import { en, type Messages } from "./en";
import { messages } from "./index.svelte";

export const c: Messages = messages<Messages>(en, () => import("./zh"));

/** What to tell a person about an error: our own words for known codes, else the node's. */
export function explain(error: { code: string; message: string }): string {
  return c.errors[error.code] ?? error.message;
}
