import { describe, expect, it } from "vitest";
import type { Money, ShippingOption } from "$lib/types";
import { percent, shippingCost, shipsTo, sum, times } from "./ways";

const eur = (minor: number): Money => ({ minor, currency: "EUR", exponent: 2 });
const post: ShippingOption = {
  id: "post",
  name: "Post",
  zones: ["DE", "AT-9"],
  rate: eur(490),
  additional_item: eur(100),
  free_from: eur(5000),
  days_min: 1,
  days_max: 3,
};

describe("shipping", () => {
  it("goes where the zones say", () => {
    expect(["DE", "AT", "FR"].map((country) => shipsTo(post, country))).toEqual([true, true, false]);
    expect(shipsTo({ zones: ["*"] }, "FR")).toBe(true);
  });
  it.each([
    [1, 1000, 490],
    [3, 1000, 690],
    [3, 5000, 0],
    [0, 0, 490],
  ])("%d items for %d cost %d", (items, value, cost) => {
    expect(shippingCost(post, items, eur(value))).toEqual(eur(cost));
  });
});

it("sums never mix currencies", () => {
  expect(sum([eur(1), eur(2)])).toEqual(eur(3));
  expect(sum([eur(1), { minor: 1, currency: "JPY", exponent: 0 }])).toBeNull();
  expect(sum([])).toBeNull();
  expect(times(eur(250), 3)).toEqual(eur(750));
});

it.each([
  [0, "0"],
  [250, "2.5"],
  [1000, "10"],
  [1, "0.01"],
  [1005, "10.05"],
])("%d basis points are %s%%", (points, text) => {
  expect(percent(points)).toBe(text);
});
