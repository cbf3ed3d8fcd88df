/** Shipping, returns and sums of a checkout. Whole minor units only; the store's quote is what counts in the end. */
import type { Money, ShippingOption } from "$lib/types";
import { comparable } from "./money";

/** The option's zones cover this country. A subdivision ("DE-BY") counts as its country: the store decides the rest. */
export function shipsTo(option: Pick<ShippingOption, "zones">, country: string): boolean {
  return option.zones.some((zone) => zone === "*" || zone === country || zone.startsWith(`${country}-`));
}

/** What shipping costs for so many items of such a value. */
export function shippingCost(option: ShippingOption, items: number, subtotal: Money): Money {
  const free = option.free_from;
  if (free !== null && comparable(free, subtotal) && subtotal.minor >= free.minor)
    return { ...option.rate, minor: 0 };
  const further = option.additional_item?.minor ?? 0;
  return { ...option.rate, minor: option.rate.minor + further * Math.max(0, items - 1) };
}

/** The sum, or null when it would mix currencies. */
export function sum(parts: readonly Money[]): Money | null {
  const [first, ...rest] = parts;
  if (first === undefined || rest.some((one) => !comparable(one, first))) return null;
  return { ...first, minor: parts.reduce((total, one) => total + one.minor, 0) };
}

export const times = (price: Money, quantity: number): Money => ({ ...price, minor: price.minor * quantity });

/** Basis points as percent without rounding: 250 is "2.5". */
export function percent(basisPoints: number): string {
  const whole = Math.floor(basisPoints / 100);
  const rest = (basisPoints % 100).toString().padStart(2, "0").replace(/0+$/, "");
  return rest === "" ? `${whole}` : `${whole}.${rest}`;
}
