/** The store's settings as a form: everything is text until it is saved. */
import type { MyStore, PaymentMethodKind, ShippingOption, Store, StoreUpdate } from "$lib/types";
import { isCountry } from "$features/market/address";
import { exponentOf, moneyAsInput, parseMoney } from "$features/market/money";
import { percent } from "$features/market/ways";
import { list, whole } from "./draft";
import { slug } from "./matrix";

export interface ShippingDraft {
  id: string;
  name: string;
  zones: string;
  rate: string;
  additional: string;
  freeFrom: string;
  daysMin: string;
  daysMax: string;
}

export interface PickupDraft {
  id: string;
  name: string;
  address: string;
  hours: string;
}

export interface StoreDraft {
  name: string;
  about: string;
  logo: string | null;
  banner: string | null;
  currency: string;
  languages: string;
  openingHours: string;
  contact: string;
  policies: string;
  payment: Record<PaymentMethodKind, { on: boolean; instructions: string }>;
  shipping: ShippingDraft[];
  pickup: PickupDraft[];
  returnDays: string;
  returnPays: "buyer" | "seller";
  returnFee: string;
  returnText: string;
  autoQuote: boolean;
  vacation: boolean;
}

export const PAYMENTS: readonly PaymentMethodKind[] = ["pay_on_delivery", "bank_transfer"];

/** The store that a person starts with: what a stall can do on its first day. */
export function emptyStore(name: string, currency: string, shippingName: string, zone: string): StoreDraft {
  return {
    name,
    about: "",
    logo: null,
    banner: null,
    currency,
    languages: "",
    openingHours: "",
    contact: "",
    policies: "",
    payment: {
      pay_on_delivery: { on: true, instructions: "" },
      bank_transfer: { on: false, instructions: "" },
    },
    shipping: [{ ...emptyShipping(), name: shippingName, zones: zone, rate: "0" }],
    pickup: [],
    returnDays: "14",
    returnPays: "buyer",
    returnFee: "0",
    returnText: "",
    autoQuote: true,
    vacation: false,
  };
}

export const emptyShipping = (): ShippingDraft => ({
  id: "",
  name: "",
  zones: "*",
  rate: "",
  additional: "",
  freeFrom: "",
  daysMin: "1",
  daysMax: "3",
});
export const emptyPickup = (): PickupDraft => ({ id: "", name: "", address: "", hours: "" });

export function draftOfStore(store: MyStore | Store): StoreDraft {
  const method = (kind: PaymentMethodKind) => {
    const found = store.payment_methods.find((one) => one.kind === kind);
    return { on: found !== undefined, instructions: found?.instructions ?? "" };
  };
  return {
    name: store.name,
    about: store.about,
    logo: store.logo,
    banner: store.banner,
    currency: store.currency,
    languages: store.languages.join(", "),
    openingHours: store.opening_hours,
    contact: store.contact,
    policies: store.policies,
    payment: { pay_on_delivery: method("pay_on_delivery"), bank_transfer: method("bank_transfer") },
    shipping: store.shipping.map((option) => ({
      id: option.id,
      name: option.name,
      zones: option.zones.join(", "),
      rate: moneyAsInput(option.rate),
      additional: moneyAsInput(option.additional_item),
      freeFrom: moneyAsInput(option.free_from),
      daysMin: String(option.days_min),
      daysMax: String(option.days_max),
    })),
    pickup: store.pickup.map((place) => ({ ...place })),
    returnDays: String(store.returns.days),
    returnPays: store.returns.who_pays,
    returnFee: percent(store.returns.fee_basis_points),
    returnText: store.returns.text,
    autoQuote: "auto_quote" in store ? store.auto_quote : true,
    vacation: store.vacation,
  };
}

export type StoreProblem = "required" | "price" | "number" | "days" | "fee" | { zone: string };
export type StoreProblems = Partial<Record<string, StoreProblem>>;
export type StoreResult = { ok: true; update: StoreUpdate } | { ok: false; problems: StoreProblems };

/** "2.5" percent as 250 basis points; null when it is not between 0 and 100 or too fine. */
export function basisPoints(text: string): number | null {
  const match = /^\s*(\d{1,3})(?:[.,](\d{1,2}))?\s*%?\s*$/.exec(text);
  if (match === null) return null;
  const points = Number(`${match[1]}${(match[2] ?? "").padEnd(2, "0")}`);
  return points <= 10_000 ? points : null;
}

/** Checks the form and makes the request. */
export function updateOfStore(draft: StoreDraft): StoreResult {
  const problems: StoreProblems = {};
  if (draft.name.trim() === "") problems["name"] = "required";
  if (draft.payment.bank_transfer.on && draft.payment.bank_transfer.instructions.trim() === "") {
    problems["payment.bank_transfer"] = "required";
  }
  const taken = new Set<string>();
  const shipping = draft.shipping.map((one, index) =>
    shippingOf(one, index, draft.currency, taken, problems),
  );
  const pickup = draft.pickup.map((one, index) => {
    if (one.name.trim() === "") problems[`pickup.${index}.name`] = "required";
    return {
      id: idOf(one.id, one.name, taken),
      name: one.name.trim(),
      address: one.address.trim(),
      hours: one.hours.trim(),
    };
  });
  const days = whole(draft.returnDays);
  if (days === null) problems["returnDays"] = "number";
  const fee = basisPoints(draft.returnFee);
  if (fee === null) problems["returnFee"] = "fee";
  if (Object.keys(problems).length > 0) return { ok: false, problems };
  return {
    ok: true,
    update: {
      name: draft.name.trim(),
      about: draft.about.trim(),
      logo: draft.logo,
      banner: draft.banner,
      currency: draft.currency,
      languages: list(draft.languages),
      opening_hours: draft.openingHours.trim(),
      contact: draft.contact.trim(),
      policies: draft.policies.trim(),
      payment_methods: PAYMENTS.filter((kind) => draft.payment[kind].on).map((kind) => ({
        kind,
        instructions: draft.payment[kind].instructions.trim(),
      })),
      shipping,
      pickup,
      returns: {
        days: days ?? 0,
        who_pays: draft.returnPays,
        fee_basis_points: fee ?? 0,
        text: draft.returnText.trim(),
      },
      vacation: draft.vacation,
      auto_quote: draft.autoQuote,
    },
  };
}

/** An option's id stays what it was, since orders name it; a new one is made of its name. */
function idOf(id: string, name: string, taken: Set<string>): string {
  const base = id || slug(name) || "option";
  let own = base;
  for (let n = 2; taken.has(own); n += 1) own = `${base}-${n}`;
  taken.add(own);
  return own;
}

function shippingOf(
  draft: ShippingDraft,
  index: number,
  currency: string,
  taken: Set<string>,
  problems: StoreProblems,
): ShippingOption {
  const at = (field: string): string => `shipping.${index}.${field}`;
  if (draft.name.trim() === "") problems[at("name")] = "required";
  const zones = list(draft.zones).map((zone) => zone.toUpperCase());
  if (zones.length === 0) problems[at("zones")] = "required";
  const bad =
    zones.find((zone) => zone !== "*" && !/^[A-Z]{2}(-[A-Z0-9]{1,3})?$/.test(zone)) ??
    zones.find((zone) => zone !== "*" && !isCountry(zone.slice(0, 2)));
  if (bad !== undefined) problems[at("zones")] = { zone: bad };
  const money = (text: string, field: string, needed: boolean) => {
    if (text.trim() === "" && !needed) return null;
    const sum = parseMoney(text, currency);
    if (sum === null) problems[at(field)] = text.trim() === "" ? "required" : "price";
    return sum;
  };
  const daysMin = whole(draft.daysMin);
  const daysMax = whole(draft.daysMax);
  if (daysMin === null) problems[at("daysMin")] = "number";
  if (daysMax === null) problems[at("daysMax")] = "number";
  else if (daysMin !== null && daysMin > daysMax) problems[at("daysMin")] = "days";
  return {
    id: idOf(draft.id, draft.name, taken),
    name: draft.name.trim(),
    zones,
    rate: money(draft.rate, "rate", true) ?? { minor: 0, currency, exponent: exponentOf(currency) },
    additional_item: money(draft.additional, "additional", false),
    free_from: money(draft.freeFrom, "freeFrom", false),
    days_min: daysMin ?? 0,
    days_max: daysMax ?? 0,
  };
}
