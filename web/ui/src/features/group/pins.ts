/** A pinned message as one line. */
import type { GroupPin } from "$lib/types";

/** "Mei: Dinner at seven"; `gone` where the message is not here, whose author is then unknown, too. */
export function pinLine(pin: Pick<GroupPin, "author" | "text">, someone: string, gone: string): string {
  const text = pin.text.replace(/\s+/g, " ").trim();
  if (pin.author === null && text === "") return gone;
  const name = pin.author?.name || someone;
  return text === "" ? name : `${name}: ${text}`;
}
