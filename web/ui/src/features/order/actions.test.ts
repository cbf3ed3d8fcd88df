import { describe, expect, it } from "vitest";
import type { Money, OrderActionKind, OrderEvent } from "$lib/types";
import { arranged, formOf, initialValues, requestOf, shortOf, suggestedAmount } from "./actions";

const eur = (minor: number): Money => ({ minor, currency: "EUR", exponent: 2 });
const claim = (minor: number, ignored: string | null = null) =>
  ({ kind: "payment_claimed", amount: eur(minor), ignored }) as OrderEvent;
const order = {
  total: eur(2500),
  paid: null as Money | null,
  refunded: null as Money | null,
  shortfall: null as Money | null,
  timeline: [] as OrderEvent[],
};

describe("order actions", () => {
  it("are arranged with the main thing first and danger last; unknown ones are not shown", () => {
    expect(
      arranged(["cancel", "open_case", "refund", "claim_payment", "teleport" as OrderActionKind], {
        payment_method: "bank_transfer",
      }),
    ).toEqual(["claim_payment", "refund", "cancel", "open_case"]);
    expect(
      arranged(["cancel", "claim_payment", "confirm_delivery"], { payment_method: "pay_on_delivery" }),
    ).toEqual(["confirm_delivery", "claim_payment", "cancel"]);
    expect(formOf("toString")).toBeNull();
  });

  it("suggest the amount that is due, claimed, or left to refund", () => {
    expect(suggestedAmount("claim_payment", order)).toEqual(eur(2500));
    expect(suggestedAmount("claim_payment", { ...order, paid: eur(2000), shortfall: eur(500) })).toEqual(
      eur(500),
    );
    expect(
      suggestedAmount("accept_payment", { ...order, timeline: [claim(2400), claim(1, "not your turn")] }),
    ).toEqual(eur(2400));
    expect(suggestedAmount("refund", { ...order, paid: eur(2500), refunded: eur(700) })).toEqual(eur(1800));
    expect(initialValues("claim_payment", order)).toEqual({ amount: "25.00" });
  });

  it("say how much is missing before the seller accepts a short payment", () => {
    expect(shortOf(eur(2400), order)).toEqual(eur(100));
    expect(shortOf(eur(2500), order)).toBeNull();
    expect(shortOf(eur(400), { ...order, paid: eur(2000) })).toEqual(eur(100));
  });

  it.each([
    ["claim_payment", { amount: "25", reference: " HT-1 " }, { amount: eur(2500), reference: "HT-1" }],
    ["hand_over", { carrier: "DHL", tracking: "" }, { carrier: "DHL" }],
    ["enter_pin", { pin: "0042" }, { pin: "0042" }],
    ["start", {}, {}],
  ] as [OrderActionKind, Record<string, string>, object][])(
    "%s becomes a request",
    (action, values, body) => {
      expect(requestOf(action, values, order)).toEqual({ ok: true, request: { action, ...body } });
    },
  );

  it.each([
    ["claim_payment", { amount: "25" }, { reference: "missing" }],
    ["claim_payment", { amount: "0", reference: "x" }, { amount: "not_a_sum" }],
    ["decline", { reason: "  " }, { reason: "missing" }],
    ["enter_pin", { pin: "12a4" }, { pin: "not_a_pin" }],
  ] as [OrderActionKind, Record<string, string>, object][])(
    "%s with %j is refused where the person can see it",
    (action, values, problems) => {
      expect(requestOf(action, values, order)).toEqual({ ok: false, problems });
    },
  );

  it("never refunds more than is left", () => {
    const paid = { ...order, paid: eur(2500), refunded: eur(2000) };
    expect(requestOf("refund", { amount: "5.01" }, paid)).toEqual({
      ok: false,
      problems: { amount: "too_much" },
    });
    expect(requestOf("refund", { amount: "5.00" }, paid).ok).toBe(true);
  });
});
