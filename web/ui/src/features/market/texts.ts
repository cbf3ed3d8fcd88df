import { messages } from "$lib/i18n/index.svelte";
import en from "./messages.en";

/** The texts of this feature in the user's language. */
export const t = messages(en, () => import("./messages.zh"));
