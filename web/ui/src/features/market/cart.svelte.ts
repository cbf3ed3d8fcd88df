/** The cart, which lives on the node; every screen sees the same one. The number on the tab follows it. */
import { api } from "$lib/api";
import { counts } from "$lib/counts.svelte";
import type { Cart, CartSet } from "$lib/types";

function took(it: Cart): Cart {
  counts.cart = it.count;
  return it;
}

export const cart = {
  async load(signal?: AbortSignal): Promise<Cart> {
    return took(await api.get<Cart>("/cart", signal ? { signal } : {}));
  },

  /** Sets a line's quantity; 0 takes it out. */
  async set(line: CartSet): Promise<Cart> {
    return took(await api.put<Cart>("/cart/lines", line));
  },

  /** Adds to what is already there of the same variant, up to `most`. */
  async add(line: CartSet, most: number): Promise<Cart> {
    const now = await cart.load();
    const there = now.stores
      .find((one) => one.store.store === line.store)
      ?.lines.find((one) => one.listing === line.listing && one.sku === line.sku);
    return cart.set({ ...line, quantity: Math.min(most, (there?.quantity ?? 0) + line.quantity) });
  },

  async clear(): Promise<Cart> {
    return took(await api.del<Cart>("/cart"));
  },
};
