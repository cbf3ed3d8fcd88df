import type { SearchKind } from "$lib/types";

export const en = {
  label: "Search goods, people, messages",
  short: "Search",
  sections: {
    listing: "Goods",
    store: "Stores",
    person: "People",
    group: "Groups",
    message: "Messages",
  } as Record<SearchKind, string>,
  results: "Search results",
  none: (query: string) => `Nothing found for “${query}”`,
  noneText: "Your node searches what it knows. Follow more stores and join groups, and it knows more.",
  all: (total: number) => `All ${total} goods`,
  openLink: "Open this link",
  why: {
    in_stock: () => "In stock",
    sold_out: () => "Sold out",
    bought_by: (name: string) => `Bought by ${name}`,
    recommended_by: (name: string) => `Recommended by ${name}`,
    followed: () => "You follow this store",
    contact: () => "Contact",
  } as Record<string, (name: string) => string>,
  keys: "↑ ↓ to choose, Enter to open, Esc to close",
};

export type Messages = typeof en;
