/** Who is writing just now. Told and seen only by those who chose to share it. */
import { api, seg } from "$lib/api";
import { events } from "$lib/events.svelte";
import { settings } from "$lib/settings.svelte";
import type { Id } from "$lib/types";
import { t } from "./texts";

/** The node passes on no more than one in this time, in ms. */
const TELL_MS = 3_000;
/** Somebody who has not written on for this long has stopped, in ms: two tellings, and their way. */
const SEEN_MS = 7_000;

class Typing {
  /** By chat: who, and until when it counts. */
  #who = $state.raw<ReadonlyMap<string, ReadonlyMap<Id, number>>>(new Map());
  #told = new Map<string, number>();

  /** The accounts that are writing in a chat. */
  in(chat: string): Id[] {
    return [...(this.#who.get(chat)?.keys() ?? [])];
  }

  /** Tells the others in a chat that something is being written, if that is shared. */
  tell(chat: string): void {
    const now = Date.now();
    if (!settings.value.share_presence || now - (this.#told.get(chat) ?? 0) < TELL_MS) return;
    this.#told.set(chat, now);
    // The moment passes; there is nothing to try again.
    api.post(`/chats/${seg(chat)}/typing`).catch(() => undefined);
  }

  /** Listens; returns what stops it. */
  start(): () => void {
    const stops = [
      events.on("typing", ({ chat, account }) => this.#set(chat, account, Date.now() + SEEN_MS)),
      // Who has said it has stopped writing it.
      events.on("message", ({ message }) => this.#set(message.chat, message.author.account, 0)),
    ];
    const timer = setInterval(() => this.#tidy(), 1_000);
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    };
  }

  #set(chat: string, account: Id, until: number): void {
    const known = this.#who.get(chat);
    if (until === 0 && !known?.has(account)) return;
    const there = new Map(known);
    if (until === 0) there.delete(account);
    else there.set(account, until);
    this.#who = new Map(this.#who).set(chat, there);
  }

  #tidy(): void {
    const now = Date.now();
    const late = [...this.#who].some(([, there]) => [...there.values()].some((until) => until <= now));
    if (!late) return;
    this.#who = new Map(
      [...this.#who].map(([chat, there]) => [chat, new Map([...there].filter(([, until]) => until > now))]),
    );
  }
}

export const typing = new Typing();

/** Who is writing, in words. In a chat of two the name is above it already. */
export function typingLine(names: readonly string[], direct: boolean): string {
  const [first, second] = names;
  if (first === undefined) return "";
  if (direct) return t.typing;
  if (second === undefined) return t.typingOne(first);
  return names.length === 2 ? t.typingTwo(first, second) : t.typingMany(names.length);
}
