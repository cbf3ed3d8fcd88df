/** Every screen that has an address, as the story has left it: both sizes, light and dark, English and Chinese. */
import { expect, test } from "../lib/lane.ts";
import type { Resident } from "../lib/lane.ts";

async function screens(resident: Resident, all: Record<string, string>): Promise<void> {
  for (const [name, path] of Object.entries(all)) {
    await test.step(name, () =>
      resident.lookAt(path, `7-${name}`, async (page) => {
        await expect(page.getByRole("navigation", { name: /^(Main|主导航)$/ })).toBeVisible();
        await expect(page.getByRole("main")).toBeVisible();
        await expect(page.getByRole("heading").first()).toBeVisible();
      }),
    );
  }
}

test("the new user's screens", async ({ lane: { mei, tom, lan } }) => {
  test.setTimeout(1_200_000);
  const id = async (one: Resident): Promise<string> => (await one.node.api<{ account: string }>("GET", "/account")).account;
  const [neighbour, shop] = await Promise.all([id(tom), id(lan)]);
  const groups = await mei.node.api<{ group: string }[]>("GET", "/groups");
  const orders = await mei.node.api<{ order: string }[]>("GET", "/orders?role=buyer");
  const { listings } = await mei.node.api<{ listings: { listing: string }[] }>("GET", `/stores/${shop}/listings`);
  const group = groups[0]?.group ?? "";
  expect(orders.length).toBeGreaterThan(0);
  await screens(mei, {
    chats: "/chats",
    chat: `/chats/direct-${neighbour}`,
    "group-chat": `/chats/group-${group}`,
    contacts: "/contacts",
    "add-contact": "/contacts/add",
    requests: "/contacts/requests",
    contact: `/contacts/${neighbour}`,
    "new-group": "/groups/new",
    group: `/groups/${group}`,
    discover: "/discover",
    market: "/market",
    "market-search": `/market/search?q=${encodeURIComponent("tea")}`,
    store: `/store/${shop}`,
    listing: `/store/${shop}/${listings[0]?.listing}`,
    "empty-cart": "/cart",
    orders: "/orders",
    order: `/orders/${orders[0]?.order}`,
    me: "/me",
    profile: "/me/profile",
    phrase: "/me/phrase",
    devices: "/me/devices",
    settings: "/me/settings",
    network: "/me/network",
    nowhere: "/nowhere/at/all",
  });
});

test("the shop's screens", async ({ lane: { lan } }) => {
  test.setTimeout(900_000);
  const orders = await lan.node.api<{ order: string }[]>("GET", "/orders?role=seller");
  const { listings } = await lan.node.api<{ listings: { listing: string }[] }>("GET", "/store/listings");
  await screens(lan, {
    "store-home": "/mystore",
    "store-listings": "/mystore/listings",
    "store-listing": `/mystore/listings/${listings[0]?.listing}`,
    "store-import": "/mystore/import",
    "store-orders": "/mystore/orders",
    "store-order": `/mystore/orders/${orders[0]?.order}`,
    "store-questions": "/mystore/questions",
    "store-settings": "/mystore/settings",
  });
});
