/** The numbers on the tabs that shopping is about; they are right from the start, before any screen of ours is loaded. */
import { api } from "$lib/api";
import { counts } from "$lib/counts.svelte";
import { events } from "$lib/events.svelte";
import type { Cart, OrderSummary } from "$lib/types";

async function refresh(): Promise<void> {
  const [cart, orders] = await Promise.allSettled([
    api.get<Cart>("/cart"),
    api.get<OrderSummary[]>("/orders", { query: { waiting: true } }),
  ]);
  // A number is a convenience; the screens say what is wrong.
  if (cart.status === "fulfilled") counts.cart = cart.value.count;
  if (orders.status === "fulfilled") counts.orders = orders.value.length;
}

/** Starts following. Returns what stops it. */
export function followCounts(): () => void {
  void refresh();
  const offs = [
    events.on("cart", (event) => (counts.cart = event.count)),
    events.on("order", () => void refresh()),
    events.onResync(() => void refresh()),
  ];
  return () => offs.forEach((off) => off());
}
