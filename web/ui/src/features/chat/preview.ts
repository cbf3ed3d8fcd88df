/** A message as one line, for the list of chats and for quotes. */
import { c } from "$lib/i18n/common";
import type { Card, Gone, Message } from "$lib/types";
import { holdsLine } from "$features/attachment/preview";
import { t as a } from "$features/attachment/texts";
import { t } from "./texts";
import { timerLine } from "./timer";

export function cardLine(card: Card): string {
  switch (card.kind) {
    case "listing":
      return t.cardListing(card.title);
    case "contact":
      return t.cardContact(card.party.name);
    case "group":
      return t.cardGroup(card.name);
    case "order":
      return t.cardOrder(card.title);
  }
}

/** The line that stands where a message was that its author took back. */
export function goneLine(gone: Gone, mine: boolean, name: string): string {
  return mine ? t.gone[gone].mine : t.gone[gone].other(name || c.someone);
}

/** What a message says, on one line. */
export function messageLine(message: Message): string {
  if (message.gone) return goneLine(message.gone, message.mine, message.author.name);
  if (message.disappear_ms !== null) {
    return timerLine(message.disappear_ms, message.mine, message.author.name || c.someone);
  }
  const text = message.text.replace(/\s+/g, " ").trim();
  const holds = holdsLine(message.attachments, message.location);
  if (holds) return text ? a.withText(holds, text) : holds;
  if (text) return text;
  return message.card ? cardLine(message.card) : "";
}
