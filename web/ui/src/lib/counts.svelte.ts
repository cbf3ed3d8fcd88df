import { c } from "./i18n/common";

/** The small numbers on the tabs. Each feature writes its own; the layout only reads. */
class Counts {
  /** Messages not read yet, in chats that are not muted. */
  unread = $state(0);
  /** Contact requests waiting for an answer. */
  requests = $state(0);
  /** Items in the cart. */
  cart = $state(0);
  /** Orders that wait for this person, as buyer or seller. */
  orders = $state(0);
}

export const counts = new Counts();

/** The browser tab's title of a screen; the number of unread messages goes first, where a narrow tab shows it. */
export function titled(title: string): string {
  const unread = counts.unread > 0 ? `(${counts.unread}) ` : "";
  return `${unread}${title} · ${c.appName}`;
}
