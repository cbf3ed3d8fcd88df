/** The listing editor's variants: one row per combination of option values, keeping what was typed before. */

/** One variant as the form holds it: everything is text until it is saved. */
export interface VariantDraft {
  sku: string;
  options: string[];
  price: string;
  compareAt: string;
  /** Empty = not tracked. */
  stock: string;
  allowBackorder: boolean;
  weight: string;
  gtin: string;
  image: string | null;
}

export interface OptionDraft {
  name: string;
  values: string[];
}

/** Shopify's limits, which the import formats share. */
export const OPTIONS_MAX = 3;
export const VARIANTS_MAX = 100;

export function emptyVariant(options: string[] = [], like?: VariantDraft): VariantDraft {
  return {
    sku: "",
    options,
    price: like?.price ?? "",
    compareAt: like?.compareAt ?? "",
    stock: like?.stock ?? "",
    allowBackorder: like?.allowBackorder ?? false,
    weight: like?.weight ?? "",
    gtin: "",
    image: null,
  };
}

/** Every combination, in the order of the options; at most `VARIANTS_MAX`. */
export function combinations(options: readonly OptionDraft[]): string[][] {
  let rows: string[][] = [[]];
  for (const option of options) {
    const values = [...new Set(option.values.map((value) => value.trim()).filter((value) => value !== ""))];
    if (values.length === 0) continue;
    rows = rows.flatMap((row) => values.map((value) => [...row, value])).slice(0, VARIANTS_MAX);
  }
  return rows;
}

/**
 * The variants for these options. A variant with the same values is kept; a new one copies price and stock from the
 * kept one that shares the most leading values, so adding a size does not mean typing the price again.
 */
export function variantsFor(
  options: readonly OptionDraft[],
  before: readonly VariantDraft[],
): VariantDraft[] {
  const known = new Map(before.map((variant) => [variant.options.join("\u0000"), variant]));
  const rows = combinations(options);
  const fresh = rows.map((row) => {
    const same = known.get(row.join("\u0000"));
    return same === undefined ? emptyVariant(row, mostAlike(row, before)) : { ...same, options: row };
  });
  return withSkus(fresh);
}

function mostAlike(row: readonly string[], before: readonly VariantDraft[]): VariantDraft | undefined {
  let best: VariantDraft | undefined;
  let bestShared = -1;
  for (const variant of before) {
    const shared = row.findIndex((value, at) => value !== variant.options[at]);
    const score = shared === -1 ? row.length : shared;
    if (score > bestShared) [best, bestShared] = [variant, score];
  }
  return best;
}

/** Gives a SKU to variants without one, made of the option values and unlike every other. */
export function withSkus(variants: readonly VariantDraft[]): VariantDraft[] {
  const taken = new Set(variants.map((variant) => variant.sku).filter((sku) => sku !== ""));
  return variants.map((variant, index) => {
    if (variant.sku !== "") return variant;
    const base = slug(variant.options.join("-")) || `item-${index + 1}`;
    let sku = base;
    for (let n = 2; taken.has(sku); n += 1) sku = `${base}-${n}`;
    taken.add(sku);
    return { ...variant, sku };
  });
}

/** Lower case letters, digits and hyphens; keeps Han characters, which are fine in a SKU. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFKC")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 48);
}
