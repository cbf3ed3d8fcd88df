/** The listing editor's form: everything is text until it is saved. */
import type { Listing, ListingUpdate, Money } from "$lib/types";
import { moneyAsInput, parseMoney } from "$features/market/money";
import { emptyVariant, slug, variantsFor, type OptionDraft, type VariantDraft } from "./matrix";

export interface ListingDraft {
  title: string;
  description: string;
  brand: string;
  category: string;
  tags: string;
  condition: "new" | "used" | "refurbished";
  kind: "physical" | "digital" | "service";
  status: "active" | "draft" | "archived";
  images: { hash: string; alt: string }[];
  options: OptionDraft[];
  variants: VariantDraft[];
}

/** Lengths that the record format accepts with room to spare; the node's limits are the ones that count. */
export const TITLE_MAX = 200;
export const DESCRIPTION_MAX = 20_000;
export const IMAGES_MAX = 12;

export function emptyListing(): ListingDraft {
  return {
    title: "",
    description: "",
    brand: "",
    category: "",
    tags: "",
    condition: "new",
    kind: "physical",
    status: "active",
    images: [],
    options: [],
    variants: [emptyVariant()],
  };
}

/** The form of an existing listing. Shopify's invented "Title" option is not shown. */
export function draftOf(listing: Listing): ListingDraft {
  const single =
    listing.variants.length === 1 && listing.options.every((option) => option.values.length <= 1);
  const invented = single && listing.options.every((option) => option.name.toLowerCase() === "title");
  return {
    title: listing.title,
    description: listing.description,
    brand: listing.brand,
    category: listing.category,
    tags: listing.tags.join(", "),
    condition: listing.condition,
    kind: listing.kind,
    status: listing.status,
    images: listing.images.map((image) => ({ ...image })),
    options: invented ? [] : listing.options.map(({ name, values }) => ({ name, values: [...values] })),
    variants: listing.variants.map((variant) => ({
      sku: variant.sku,
      options: invented ? [] : [...variant.options],
      price: moneyAsInput(variant.price),
      compareAt: moneyAsInput(variant.compare_at),
      stock: variant.stock === null ? "" : String(variant.stock),
      allowBackorder: variant.allow_backorder,
      weight: variant.weight_g === null ? "" : String(variant.weight_g),
      gtin: variant.gtin ?? "",
      image: variant.image,
    })),
  };
}

/** A comma-separated list as its parts; Chinese commas count too. */
export function list(text: string): string[] {
  return [
    ...new Set(
      text
        .split(/[,，、;；\n]/)
        .map((part) => part.trim())
        .filter((part) => part !== ""),
    ),
  ];
}

export type DraftProblem = "required" | "price" | "number";
/** By field: `title`, or `price.0` for the first variant's price. */
export type DraftProblems = Partial<Record<string, DraftProblem>>;
export type DraftResult = { ok: true; update: ListingUpdate } | { ok: false; problems: DraftProblems };

/** Checks the form and makes the request. */
export function updateOf(draft: ListingDraft, currency: string): DraftResult {
  const problems: DraftProblems = {};
  if (draft.title.trim() === "") problems["title"] = "required";
  const options = draft.options
    .map(({ name, values }) => ({ name: name.trim(), values: list(values.join(",")) }))
    .filter((option) => option.values.length > 0);
  options.forEach((option, index) => {
    if (option.name === "") problems[`option.${index}`] = "required";
  });
  const variants = variantsFor(options, draft.variants).map((variant, index) =>
    variantOf(variant, index, currency, problems),
  );
  if (Object.keys(problems).length > 0) return { ok: false, problems };
  return {
    ok: true,
    update: {
      title: draft.title.trim(),
      description: draft.description.trim(),
      brand: draft.brand.trim(),
      category: draft.category.trim(),
      tags: list(draft.tags),
      condition: draft.condition,
      kind: draft.kind,
      status: draft.status,
      images: draft.images.map(({ hash, alt }) => ({ hash, alt: alt.trim() })),
      options,
      variants,
    },
  };
}

function variantOf(variant: VariantDraft, index: number, currency: string, problems: DraftProblems) {
  const price = parseMoney(variant.price, currency);
  if (price === null) problems[`price.${index}`] = variant.price.trim() === "" ? "required" : "price";
  const compareAt = optional(variant.compareAt, (text) => parseMoney(text, currency));
  if (compareAt === undefined) problems[`compareAt.${index}`] = "price";
  const stock = optional(variant.stock, whole);
  if (stock === undefined) problems[`stock.${index}`] = "number";
  const weight = optional(variant.weight, whole);
  if (weight === undefined) problems[`weight.${index}`] = "number";
  return {
    sku: variant.sku.trim(),
    options: variant.options,
    price: price as Money,
    compare_at: compareAt ?? null,
    stock: stock ?? null,
    allow_backorder: variant.allowBackorder,
    weight_g: weight ?? null,
    image: variant.image,
    gtin: variant.gtin.trim() === "" ? null : variant.gtin.trim(),
  };
}

/** Null for an empty field, undefined for one that cannot be read. */
function optional<T>(text: string, read: (text: string) => T | null): T | null | undefined {
  return text.trim() === "" ? null : (read(text) ?? undefined);
}

/** A whole number of at most nine digits. */
export function whole(text: string): number | null {
  return /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : null;
}

/** The address of a new listing: made of its title, and unlike one that exists. */
export function newListingId(title: string, random: string): string {
  return [slug(title).slice(0, 40), random].filter((part) => part !== "").join("-");
}
