export const en = {
  title: "Mailboxes",
  what: "While your device is off, sealed messages wait here. They cannot read them.",
  yours: "Where your messages wait",
  chosen: (count: number, most: number) => `${count} of ${most} chosen`,
  most: (most: number) =>
    `Choose up to ${most}. Best are nodes that are on when yours is off. Your node fills a free place by itself with a node that is online.`,
  noneChosen: "None is chosen. What is sent while your device is off waits at its sender.",
  own: "Your other device",
  store: "Store",
  save: "Use these",
  saved: "From now on messages wait there. Your contacts are told.",
  undo: "Undo",
  emptyTitle: "No mailbox yet",
  emptyText: "Add contacts or visit a shop: their nodes can keep your messages.",
  addContact: "Add a contact",
  toMarket: "Look around the market",
  kept: "What your node keeps for others",
  keptText: (size: string) =>
    `Sealed messages of people and stores that are away. At most ${size} for each, and your node cannot read them.`,
  keptNone: "Nothing at present.",
  owners: "People and stores",
  items: "Sealed messages",
  bytes: "Size",
};

export type Messages = typeof en;
