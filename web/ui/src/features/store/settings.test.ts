import { describe, expect, it } from "vitest";
import type { MyStore } from "$lib/types";
import { basisPoints, draftOfStore, emptyPickup, emptyShipping, emptyStore, updateOfStore } from "./settings";

const eur = (minor: number) => ({ minor, currency: "EUR", exponent: 2 });
const store = {
  name: "Tea",
  about: "Leaves",
  logo: "l",
  banner: null,
  currency: "EUR",
  languages: ["en", "zh"],
  opening_hours: "9–17",
  contact: "",
  policies: "",
  payment_methods: [{ kind: "bank_transfer", instructions: "IBAN" }],
  shipping: [
    {
      id: "post",
      name: "Post",
      zones: ["DE", "AT-9"],
      rate: eur(490),
      additional_item: null,
      free_from: eur(5000),
      days_min: 1,
      days_max: 3,
    },
  ],
  pickup: [{ id: "shop", name: "Shop", address: "Main St 1", hours: "9–17" }],
  returns: { days: 14, who_pays: "buyer", fee_basis_points: 250, text: "" },
  vacation: false,
  auto_quote: false,
} as unknown as MyStore;

describe("the store's settings", () => {
  it("are saved as they were opened", () => {
    const {
      name,
      about,
      logo,
      banner,
      currency,
      languages,
      opening_hours,
      contact,
      policies,
      payment_methods,
      shipping,
      pickup,
      returns,
      vacation,
      auto_quote,
    } = store;
    expect(updateOfStore(draftOfStore(store))).toEqual({
      ok: true,
      update: {
        name,
        about,
        logo,
        banner,
        currency,
        languages,
        opening_hours,
        contact,
        policies,
        payment_methods,
        shipping,
        pickup,
        returns,
        vacation,
        auto_quote,
      },
    });
  });

  it("a new store can sell on its first day", () => {
    const result = updateOfStore(emptyStore("Stall", "CNY", "送货上门", "CN"));
    expect(result).toMatchObject({
      ok: true,
      update: {
        payment_methods: [{ kind: "pay_on_delivery" }],
        shipping: [{ id: "送货上门", rate: { minor: 0, currency: "CNY" } }],
      },
    });
  });

  it("say which field is wrong", () => {
    const draft = draftOfStore(store);
    draft.name = " ";
    draft.payment.bank_transfer.instructions = "";
    draft.shipping = [
      { ...emptyShipping(), name: "X", zones: "DE, ZZZ", rate: "", daysMin: "5", daysMax: "2" },
      { ...emptyShipping(), zones: "XX", rate: "a" },
    ];
    draft.pickup = [emptyPickup()];
    draft.returnFee = "101";
    draft.returnDays = "soon";
    const result = updateOfStore(draft);
    expect(result.ok ? {} : result.problems).toEqual({
      name: "required",
      "payment.bank_transfer": "required",
      "shipping.0.zones": { zone: "ZZZ" },
      "shipping.0.rate": "required",
      "shipping.0.daysMin": "days",
      "shipping.1.name": "required",
      "shipping.1.zones": { zone: "XX" },
      "shipping.1.rate": "price",
      "pickup.0.name": "required",
      returnFee: "fee",
      returnDays: "number",
    });
  });

  it("give each new option an id of its own and keep the old ones", () => {
    const draft = draftOfStore(store);
    draft.shipping.push({ ...emptyShipping(), name: "Post", rate: "1" });
    const result = updateOfStore(draft);
    expect(result.ok && result.update.shipping.map((one) => one.id)).toEqual(["post", "post-2"]);
  });

  it.each([
    ["2.5", 250],
    ["0", 0],
    ["100", 10000],
    ["1,25 %", 125],
    ["100.01", null],
    ["1.234", null],
    ["x", null],
  ])("%s percent", (text, points) => {
    expect(basisPoints(text)).toBe(points);
  });
});
