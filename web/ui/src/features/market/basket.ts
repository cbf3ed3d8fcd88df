/** What is ordered from one store: the cart's part of it, or one thing bought at once. */
import type {
  Cart,
  CartStore,
  Listing,
  Money,
  PaymentMethod,
  PickupPlace,
  ReturnPolicy,
  ShippingOption,
} from "$lib/types";
import { quantityMax, variantBySku } from "./variants";
import { times } from "./ways";

export interface BasketLine {
  listing: string;
  sku: string;
  title: string;
  options: string[];
  picture: string | null;
  quantity: number;
  total: Money;
}

export interface Basket {
  store: string;
  name: string;
  online: boolean;
  /** Taken from the cart, so the lines leave it when the order is placed. */
  fromCart: boolean;
  lines: BasketLine[];
  subtotal: Money;
  shipping: ShippingOption[];
  pickup: PickupPlace[];
  payment: PaymentMethod[];
  returns: ReturnPolicy;
}

/** The cart's goods of one store, without what cannot be bought; null when nothing is left. */
export function basketOfCart(cart: Cart, store: string): Basket | null {
  const group: CartStore | undefined = cart.stores.find((one) => one.store.store === store);
  const lines = group?.lines.filter((line) => line.quantity > 0) ?? [];
  if (group === undefined || lines.length === 0) return null;
  return {
    store,
    name: group.store.name,
    online: group.store.online,
    fromCart: true,
    lines,
    subtotal: group.subtotal,
    shipping: group.shipping,
    pickup: group.pickup,
    payment: group.payment_methods,
    returns: group.returns,
  };
}

/** One listing bought at once; null when it has no such variant in stock. */
export function basketOfListing(listing: Listing, sku: string, wanted: number): Basket | null {
  const variant = variantBySku(listing, sku);
  const most = quantityMax(variant);
  if (variant === null || variant.sku !== sku || most === 0) return null;
  const quantity = Math.min(Math.max(1, Math.trunc(wanted) || 1), most);
  const total = times(variant.price, quantity);
  const { title, picture } = listing;
  return {
    store: listing.store.account,
    name: listing.store.name,
    online: listing.store_online,
    fromCart: false,
    lines: [
      {
        listing: listing.listing,
        sku,
        title,
        options: variant.options,
        picture: variant.image ?? picture,
        quantity,
        total,
      },
    ],
    subtotal: total,
    shipping: listing.shipping,
    pickup: listing.pickup,
    payment: listing.payment_methods,
    returns: listing.returns,
  };
}

export const itemsOf = (basket: Basket): number =>
  basket.lines.reduce((count, line) => count + line.quantity, 0);
