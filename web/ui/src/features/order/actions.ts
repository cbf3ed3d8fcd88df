/** What each action asks for, and how a filled form becomes the request. Which actions exist is the node's word. */
import type { Money, Order, OrderAction, OrderActionKind } from "$lib/types";
import { comparable, moneyAsInput, parseMoney } from "../market/money";

export type FieldName = "amount" | "reference" | "carrier" | "tracking" | "pin" | "reason" | "text";

export interface ActionField {
  name: FieldName;
  required: boolean;
  /** Shown as a text area. */
  long?: boolean;
}

export interface ActionForm {
  tone: "primary" | "normal" | "danger";
  /** False = one press does it: it can be undone, or what it does is written right above the button. */
  asks: boolean;
  fields: ActionField[];
}

const reason = (required: boolean): ActionField => ({ name: "reason", required, long: true });
const optional = (name: FieldName): ActionField => ({ name, required: false });
const required = (name: FieldName): ActionField => ({ name, required: true });
const press = (): ActionForm => ({ tone: "primary", asks: false, fields: [] });

/** Lengths that fit any record with room to spare; the node's own limits are the ones that count. */
export const FIELD_MAX: Readonly<Record<FieldName, number>> = {
  amount: 24,
  reference: 120,
  carrier: 60,
  tracking: 80,
  pin: 8,
  reason: 1000,
  text: 2000,
};

const FORMS: Readonly<Record<OrderActionKind, ActionForm>> = {
  accept_quote: press(),
  cancel: { tone: "danger", asks: true, fields: [reason(false)] },
  approve_cancel: { tone: "primary", asks: true, fields: [] },
  refuse_cancel: { tone: "normal", asks: true, fields: [reason(true)] },
  claim_payment: { tone: "primary", asks: true, fields: [required("amount"), required("reference")] },
  accept_payment: { tone: "primary", asks: true, fields: [required("amount")] },
  reject_payment: { tone: "danger", asks: true, fields: [reason(true)] },
  quote: { tone: "primary", asks: true, fields: [{ name: "text", required: false, long: true }] },
  decline: { tone: "danger", asks: true, fields: [reason(true)] },
  start: press(),
  ready: press(),
  hand_over: { tone: "primary", asks: true, fields: [optional("carrier"), optional("tracking")] },
  confirm_delivery: { tone: "primary", asks: true, fields: [] },
  fail_delivery: { tone: "normal", asks: true, fields: [reason(true)] },
  enter_pin: { tone: "primary", asks: true, fields: [required("pin")] },
  complete: press(),
  refund: { tone: "normal", asks: true, fields: [required("amount"), reason(false)] },
  request_return: { tone: "normal", asks: true, fields: [reason(true)] },
  authorise_return: { tone: "primary", asks: true, fields: [{ name: "text", required: false, long: true }] },
  decline_return: { tone: "danger", asks: true, fields: [reason(true)] },
  return_sent: { tone: "primary", asks: true, fields: [optional("carrier"), optional("tracking")] },
  return_received: { tone: "primary", asks: true, fields: [] },
  open_case: { tone: "danger", asks: true, fields: [reason(true)] },
  propose_settlement: {
    tone: "normal",
    asks: true,
    fields: [required("amount"), { name: "text", required: true, long: true }],
  },
  accept_settlement: { tone: "primary", asks: true, fields: [] },
  review: { tone: "normal", asks: true, fields: [] },
};

/** The form of an action; null for one that this version of the screen doesn't know. */
export function formOf(action: string): ActionForm | null {
  return Object.hasOwn(FORMS, action) ? FORMS[action as OrderActionKind] : null;
}

/** The form of an action on this order: what is handed over in person has no carrier. */
export function formFor(action: OrderActionKind, order: Pick<Order, "fulfilment">): ActionForm | null {
  const form = formOf(action);
  return form !== null && action === "hand_over" && order.fulfilment === "pickup"
    ? { ...form, fields: [] }
    : form;
}

const TONES = ["primary", "normal", "danger"];

/**
 * The actions as buttons: known ones only, the main thing first, danger last. Who pays on delivery gets the goods first,
 * so reporting a payment is not the main thing then.
 */
export function arranged(
  actions: readonly OrderActionKind[],
  order: Pick<Order, "payment_method">,
): OrderActionKind[] {
  const rank = (action: OrderActionKind): number =>
    action === "claim_payment" && order.payment_method === "pay_on_delivery"
      ? TONES.indexOf("normal")
      : TONES.indexOf(formOf(action)?.tone ?? "normal");
  return actions.filter((action) => formOf(action) !== null).sort((a, b) => rank(a) - rank(b));
}

type MoneyFacts = Pick<Order, "total" | "paid" | "refunded" | "shortfall" | "timeline">;

function minus(a: Money, b: Money | null): Money {
  return b !== null && comparable(a, b) ? { ...a, minor: Math.max(0, a.minor - b.minor) } : a;
}

/** The amount an action starts with, or null when only the person knows. */
export function suggestedAmount(action: OrderActionKind, order: MoneyFacts): Money | null {
  switch (action) {
    case "claim_payment":
      return order.shortfall ?? (order.total === null ? null : minus(order.total, order.paid));
    case "accept_payment":
      return lastClaim(order) ?? order.shortfall ?? order.total;
    case "refund":
      return order.paid === null ? null : minus(order.paid, order.refunded);
    default:
      return null;
  }
}

/** What the buyer says was paid, in the newest claim that counted. */
export function lastClaim(order: Pick<Order, "timeline">): Money | null {
  const claims = order.timeline.filter((event) => event.kind === "payment_claimed" && event.ignored === null);
  return claims.at(-1)?.amount ?? null;
}

/** Is less received than is due? Returns what is missing, else null. */
export function shortOf(amount: Money | null, order: MoneyFacts): Money | null {
  if (amount === null || order.total === null || !comparable(amount, order.total)) return null;
  const due = minus(order.total, order.paid);
  return amount.minor < due.minor ? { ...due, minor: due.minor - amount.minor } : null;
}

export type FieldProblem = "missing" | "not_a_sum" | "too_much" | "not_a_pin";
export type FormValues = Partial<Record<FieldName, string>>;
export type FormResult =
  { ok: true; request: OrderAction } | { ok: false; problems: Partial<Record<FieldName, FieldProblem>> };

/** Checks a filled form and makes the request. */
export function requestOf(action: OrderActionKind, values: FormValues, order: MoneyFacts): FormResult {
  const request: OrderAction = { action };
  const problems: Partial<Record<FieldName, FieldProblem>> = {};
  for (const field of formOf(action)?.fields ?? []) {
    const value = (values[field.name] ?? "").trim();
    if (value === "") {
      if (field.required) problems[field.name] = "missing";
    } else if (field.name === "amount") {
      const amount = amountOf(action, value, order);
      if (typeof amount === "string") problems.amount = amount;
      else request.amount = amount;
    } else if (field.name === "pin" && !/^\d{4,8}$/.test(value)) {
      problems.pin = "not_a_pin";
    } else {
      request[field.name] = value;
    }
  }
  return Object.keys(problems).length > 0 ? { ok: false, problems } : { ok: true, request };
}

function amountOf(action: OrderActionKind, text: string, order: MoneyFacts): Money | FieldProblem {
  const unit = order.total ?? order.paid;
  if (unit === null) return "not_a_sum";
  const amount = parseMoney(text, unit.currency, unit.exponent);
  if (amount === null || amount.minor === 0) return "not_a_sum";
  const most =
    action === "refund"
      ? suggestedAmount("refund", order)
      : action === "propose_settlement"
        ? order.total
        : null;
  return most !== null && amount.minor > most.minor ? "too_much" : amount;
}

/** The values a form starts with. */
export function initialValues(action: OrderActionKind, order: MoneyFacts): FormValues {
  return { amount: moneyAsInput(suggestedAmount(action, order)) };
}
