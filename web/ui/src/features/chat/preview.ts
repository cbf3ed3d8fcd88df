/** A message as one line, for the list of chats and for quotes. */
import type { Card, Message } from "$lib/types";
import { t } from "./texts";

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

/** What a message says, on one line. */
export function messageLine(message: Pick<Message, "text" | "card">): string {
  const text = message.text.replace(/\s+/g, " ").trim();
  if (text) return text;
  return message.card ? cardLine(message.card) : "";
}
