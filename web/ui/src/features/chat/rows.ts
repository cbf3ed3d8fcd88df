/** How messages are laid out: which begin a day, and which stand together as one person's turn. */
import { sameDay } from "$lib/time";
import type { Id, Message } from "$lib/types";

/** Messages of one person this close belong together, in ms. */
const TURN_MS = 5 * 60_000;

export interface MessageRow {
  message: Message;
  /** The first of its day. */
  day: boolean;
  /** The first of its author's turn: shows who speaks. */
  first: boolean;
  /** The last of its author's turn: has the bubble's tail. */
  last: boolean;
  /** The line "new messages" stands before it. */
  marker: boolean;
}

export function layRows(messages: readonly Message[], firstUnread: Id | null): MessageRow[] {
  return messages.map((message, at) => {
    const before = messages[at - 1];
    const after = messages[at + 1];
    const marker = message.id === firstUnread;
    return {
      message,
      day: !before || !sameDay(before.at, message.at),
      first: marker || !together(before, message),
      last: after?.id === firstUnread || !together(message, after),
      marker,
    };
  });
}

function together(a: Message | undefined, b: Message | undefined): boolean {
  if (!a || !b || a.gone || b.gone || a.disappear_ms !== null || b.disappear_ms !== null) return false;
  return a.author.account === b.author.account && b.at - a.at < TURN_MS && sameDay(a.at, b.at);
}
