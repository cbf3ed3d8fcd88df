import { describe, expect, it } from "vitest";
import type { Listing } from "$lib/types";
import { draftOf, emptyListing, list, newListingId, updateOf, whole } from "./draft";
import { emptyVariant } from "./matrix";

const eur = (minor: number) => ({ minor, currency: "EUR", exponent: 2 });
const mug = {
  title: "Mug",
  description: "Enamel",
  brand: "",
  category: "Home",
  tags: ["cup", "blue"],
  condition: "new",
  kind: "physical",
  status: "active",
  images: [{ hash: "h", alt: "A mug" }],
  options: [{ name: "Title", values: ["Default Title"] }],
  variants: [
    {
      sku: "mug",
      options: ["Default Title"],
      price: eur(1250),
      compare_at: null,
      stock: 3,
      allow_backorder: false,
      weight_g: 300,
      image: null,
      gtin: null,
    },
  ],
} as unknown as Listing;

describe("the listing form", () => {
  it("opens and saves a listing without changing it, but for the invented option", () => {
    const result = updateOf(draftOf(mug), "EUR");
    expect(result).toMatchObject({
      ok: true,
      update: {
        title: "Mug",
        tags: ["cup", "blue"],
        options: [],
        variants: [{ sku: "mug", options: [], price: eur(1250), stock: 3, weight_g: 300 }],
      },
    });
  });

  it("says which field is wrong", () => {
    const draft = {
      ...emptyListing(),
      options: [{ name: "", values: ["S"] }],
      variants: [{ ...emptyVariant(["S"]), price: "1,5O", stock: "many", weight: "-1", compareAt: "x" }],
    };
    expect(updateOf(draft, "EUR")).toEqual({
      ok: false,
      problems: {
        title: "required",
        "option.0": "required",
        "price.0": "price",
        "compareAt.0": "price",
        "stock.0": "number",
        "weight.0": "number",
      },
    });
    expect(updateOf({ ...emptyListing(), title: "x" }, "EUR")).toEqual({
      ok: false,
      problems: { "price.0": "required" },
    });
  });

  it("leaves stock that is not counted and prices before empty", () => {
    const draft = { ...emptyListing(), title: " Egg ", variants: [{ ...emptyVariant(), price: "0,30" }] };
    expect(updateOf(draft, "EUR")).toMatchObject({
      ok: true,
      update: { title: "Egg", variants: [{ stock: null, compare_at: null, gtin: null, price: eur(30) }] },
    });
  });

  it("reads lists with any comma, and whole numbers only", () => {
    expect(list("a, b，c、a;")).toEqual(["a", "b", "c"]);
    expect([whole("12"), whole("1.5"), whole("")]).toEqual([12, null, null]);
    expect(newListingId("Blue Mug!", "x7")).toBe("blue-mug-x7");
    expect(newListingId("!!!", "x7")).toBe("x7");
  });
});
