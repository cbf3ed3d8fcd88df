/** What each feature keeps up to date while the app is open: lists that several screens share, and tab counts. */
import { sharing } from "$features/attachment/sharing.svelte";
import { typing } from "$features/attachment/typing.svelte";
import { startChats } from "$features/chat/chats.svelte";
import { startContacts } from "$features/contact/contacts.svelte";

/** Starts everything that listens; returns what stops it. Runs inside an effect. */
export function startLive(): () => void {
  const stops = [startChats(), startContacts(), sharing.start(), typing.start()];
  return () => {
    for (const stop of stops) stop();
  };
}
