import { expect, it } from "vitest";
import type { Cart, Listing } from "$lib/types";
import { basketOfCart, basketOfListing, itemsOf } from "./basket";

const eur = (minor: number) => ({ minor, currency: "EUR", exponent: 2 });
const tea = {
  store: { account: "s", name: "Tea House" },
  listing: "tea",
  title: "Tea",
  picture: "p",
  options: [{ name: "Size", values: ["S", "L"] }],
  variants: [
    {
      sku: "S",
      options: ["S"],
      price: eur(250),
      available: true,
      stock: 4,
      allow_backorder: false,
      image: null,
    },
    {
      sku: "L",
      options: ["L"],
      price: eur(450),
      available: false,
      stock: 0,
      allow_backorder: false,
      image: null,
    },
  ],
  shipping: [],
  pickup: [],
  payment_methods: [],
  store_online: true,
} as unknown as Listing;

it("buying at once takes the variant's price and no more than there is", () => {
  const basket = basketOfListing(tea, "S", 99);
  expect(basket?.subtotal).toEqual(eur(1000));
  expect(basket && itemsOf(basket)).toBe(4);
  expect(basketOfListing(tea, "S", Number.NaN)?.lines[0]?.quantity).toBe(1);
});

it("what is sold out or gone cannot be bought at once", () => {
  expect(basketOfListing(tea, "L", 1)).toBeNull();
  expect(basketOfListing(tea, "XL", 1)).toBeNull();
});

it("the cart's part of one store is what is ordered", () => {
  const group = {
    store: { store: "s", name: "Tea House", online: false },
    subtotal: eur(5),
    lines: [{ quantity: 2 }],
  };
  const cart = { stores: [group], count: 2 } as unknown as Cart;
  expect(basketOfCart(cart, "s")).toMatchObject({ fromCart: true, online: false, subtotal: eur(5) });
  expect(basketOfCart(cart, "t")).toBeNull();
});
