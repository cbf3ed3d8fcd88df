/**
 * The variant picker's logic: which values can be chosen, what a choice selects, and how many can be bought.
 *
 * Options are ordered. A value is *missing* only when no variant has it together with the values chosen for the
 * options **before** it; choosing a value may move the options **after** it. So no choice is ever a dead end.
 */
import type { Listing, Variant } from "$lib/types";

/** The most that one cart line may hold; the node's own limit may be lower, its answer wins. */
export const QUANTITY_MAX = 999;

/** Stock at or below this is worth telling the buyer about ("only 3 left"). */
export const LOW_STOCK = 5;

/** `sold_out` values stay selectable, so that a visitor can see the price and ask when they return. */
export type ChoiceState = "available" | "sold_out" | "missing";

export interface Choice {
  value: string;
  state: ChoiceState;
  selected: boolean;
}

type Pickable = Pick<Listing, "options" | "variants">;

/** The variant that is shown first: the first that can be bought, else the first. */
export function firstVariant(listing: Pickable): Variant | null {
  return listing.variants.find((variant) => variant.available) ?? listing.variants[0] ?? null;
}

/** The variant with this SKU, or the first one (a link may name a SKU that is gone). */
export function variantBySku(listing: Pickable, sku: string | null): Variant | null {
  return listing.variants.find((variant) => variant.sku === sku) ?? firstVariant(listing);
}

/** The values of option `index`, each with its state beside the values that `current` has for earlier options. */
export function choices(listing: Pickable, current: Variant | null, index: number): Choice[] {
  const option = listing.options[index];
  if (option === undefined) return [];
  return option.values.map((value) => {
    const fitting = listing.variants.filter(
      (variant) => variant.options[index] === value && samePrefix(variant, current, index),
    );
    const state: ChoiceState =
      fitting.length === 0 ? "missing" : isBuyableBeside(fitting, current, index) ? "available" : "sold_out";
    return { value, state, selected: current?.options[index] === value };
  });
}

/** The variant after choosing `value` for option `index`: later options are kept if they can be, else moved. */
export function choose(
  listing: Pickable,
  current: Variant | null,
  index: number,
  value: string,
): Variant | null {
  const fitting = listing.variants.filter(
    (variant) => variant.options[index] === value && samePrefix(variant, current, index),
  );
  if (fitting.length === 0) return current;
  const kept = fitting.find((variant) => sameSuffix(variant, current, index));
  return kept ?? fitting.find((variant) => variant.available) ?? fitting[0] ?? current;
}

function samePrefix(variant: Variant, current: Variant | null, index: number): boolean {
  return (
    current === null || variant.options.slice(0, index).every((value, at) => value === current.options[at])
  );
}

function sameSuffix(variant: Variant, current: Variant | null, index: number): boolean {
  return (
    current !== null &&
    variant.options.slice(index + 1).every((v, at) => v === current.options[index + 1 + at])
  );
}

/** With the later options as they are if such a variant exists, else with any. */
function isBuyableBeside(fitting: Variant[], current: Variant | null, index: number): boolean {
  const exact = fitting.find((variant) => sameSuffix(variant, current, index));
  return exact === undefined ? fitting.some((variant) => variant.available) : exact.available;
}

/** How many of a variant can be put into the cart; 0 = none. */
export function quantityMax(variant: Variant | null): number {
  if (variant === null || !variant.available) return 0;
  if (variant.stock === null || variant.allow_backorder) return QUANTITY_MAX;
  return Math.min(Math.max(variant.stock, 0), QUANTITY_MAX);
}

export type StockNote =
  { kind: "sold_out" } | { kind: "left"; count: number } | { kind: "in_stock" } | { kind: "backorder" };

/** What to say about the stock of a variant. */
export function stockNote(variant: Variant | null): StockNote {
  if (variant === null || !variant.available) return { kind: "sold_out" };
  if (variant.stock === null) return { kind: "in_stock" };
  if (variant.stock <= 0) return variant.allow_backorder ? { kind: "backorder" } : { kind: "sold_out" };
  return variant.stock <= LOW_STOCK ? { kind: "left", count: variant.stock } : { kind: "in_stock" };
}

/** A goods title's options are worth showing unless they are the one that Shopify invents for single products. */
export function hasRealOptions(listing: Pickable): boolean {
  return listing.options.some((option) => option.values.length > 1 || option.name.toLowerCase() !== "title");
}

/** The options of a line in words ("Large / Red"), without Shopify's "Default Title". */
export function optionsInWords(options: readonly string[]): string {
  return options.filter((value) => value !== "" && value !== "Default Title").join(" / ");
}
