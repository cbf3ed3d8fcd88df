/** The list of chats, kept up to date by events; shared by the list, the conversation and the tab's count. */
import { api } from "$lib/api";
import { counts } from "$lib/counts.svelte";
import { events } from "$lib/events.svelte";
import { Resource } from "$lib/resource.svelte";
import type { Chat, Message } from "$lib/types";
import { notBack } from "./states";

class Chats extends Resource<Chat[]> {
  constructor() {
    super((signal) => api.get<Chat[]>("/chats", { signal }));
  }

  find(chat: string): Chat | undefined {
    return this.data?.find((one) => one.chat === chat);
  }

  /** Puts a new or changed chat in its place. */
  put(chat: Chat): void {
    const others = (this.data ?? []).filter((one) => one.chat !== chat.chat);
    this.data = [...others, chat].sort(order);
  }

  remove(chat: string): void {
    this.data = this.data?.filter((one) => one.chat !== chat);
  }

  /** A message came or was sent. Its unread count follows in a `chat` event. */
  heard(message: Message): void {
    const chat = this.find(message.chat);
    if (!chat) {
      void this.reload();
      return;
    }
    if (chat.last && chat.last.at > message.at) return;
    const known = chat.last?.id === message.id ? chat.last : undefined;
    this.put({ ...chat, last: notBack(known, message) });
  }
}

/** Pinned first, then the newest; by name where nothing was said. */
export function order(a: Chat, b: Chat): number {
  if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
  const newer = (b.last?.at ?? 0) - (a.last?.at ?? 0);
  return newer !== 0 ? newer : a.title.localeCompare(b.title);
}

export const chats = new Chats();

/** The chat with one person. */
export const directChat = (account: string): string => `direct-${account}`;

/** Keeps the list and the tab's count up to date. Runs inside an effect. */
export function startChats(): () => void {
  void chats.reload();
  $effect(() => {
    counts.unread = (chats.data ?? []).reduce(
      (sum, chat) => sum + (chat.muted ? 0 : chat.unread || Number(chat.marked_unread)),
      0,
    );
  });
  const stops = [
    events.on("chat", (event) => chats.put(event.chat)),
    events.on("message", (event) => chats.heard(event.message)),
    events.on("message_state", (event) => {
      const chat = chats.find(event.chat);
      if (chat?.last && event.ids.includes(chat.last.id)) {
        chats.put({ ...chat, last: { ...chat.last, state: event.state } });
      }
    }),
    events.on("presence", (event) => {
      const chat = chats.find(directChat(event.account));
      if (chat) chats.put({ ...chat, online: event.online });
    }),
    events.on("profile", () => void chats.reload()),
    events.onResync(() => void chats.reload()),
  ];
  return () => {
    for (const stop of stops) stop();
    chats.stop();
  };
}
