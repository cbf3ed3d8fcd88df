/** Pages of listings as one list: no doubles, newest data wins. Pure, so that it can be tested. */
import type { ListingSummary } from "$lib/types";

/** What tells one listing from another. */
export const keyOf = (listing: Pick<ListingSummary, "store" | "listing">): string =>
  `${listing.store.account}/${listing.listing}`;

/** Adds a further page at the end; a listing that is already there is replaced where it stands. */
export function appended(
  items: readonly ListingSummary[],
  page: readonly ListingSummary[],
): ListingSummary[] {
  const fresh = new Map(page.map((listing) => [keyOf(listing), listing]));
  const kept = items.map((listing) => {
    const key = keyOf(listing);
    const newer = fresh.get(key);
    fresh.delete(key);
    return newer ?? listing;
  });
  return [...kept, ...fresh.values()];
}

/** The list after the first page was read again: it leads, and what was below it stays. */
export function refreshed(
  items: readonly ListingSummary[],
  firstPage: readonly ListingSummary[],
): ListingSummary[] {
  const lead = new Set(firstPage.map(keyOf));
  return [...firstPage, ...items.filter((listing) => !lead.has(keyOf(listing)))];
}

/** The categories of these listings, those with most goods first; the empty one is left out. */
export function categoriesOf(items: readonly ListingSummary[], most = 24): string[] {
  const counts = new Map<string, number>();
  for (const { category } of items)
    if (category !== "") counts.set(category, (counts.get(category) ?? 0) + 1);
  return [...counts]
    .sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]))
    .slice(0, most)
    .map(([category]) => category);
}
