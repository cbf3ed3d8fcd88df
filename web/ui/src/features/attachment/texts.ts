import { messages } from "$lib/i18n/index.svelte";
import { en, type Messages } from "./messages.en";

export const t: Messages = messages<Messages>(en, () => import("./messages.zh"));
