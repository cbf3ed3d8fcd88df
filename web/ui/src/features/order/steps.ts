/**
 * What an order's page says at its top: the steps, who holds the money, and who has to do what next.
 *
 * All of it is read off the order as the node folded it; nothing here decides what is allowed (the `actions` of the
 * order do).
 */
import type { LineState, Order, OrderSummary, PaymentState } from "$lib/types";

export type StepKind =
  | "requested"
  | "quoted"
  | "accepted"
  | "paid"
  | "prepared"
  | "sent"
  | "delivered"
  | "completed"
  | "declined"
  | "expired"
  | "cancelled";

export interface Step {
  kind: StepKind;
  state: "done" | "current" | "todo" | "stopped";
}

/** Just what the steps are computed from. */
export type StepFacts = Pick<
  Order,
  "state" | "payment" | "fulfilment" | "payment_method" | "quote" | "lines"
>;

const BEFORE_ACCEPTED: ReadonlySet<string> = new Set(["requested", "quoted", "declined", "expired"]);
const STOPPED: ReadonlySet<string> = new Set(["declined", "expired", "cancelled"]);

function everyLine(facts: StepFacts, ...states: LineState[]): boolean {
  return facts.lines.length > 0 && facts.lines.every((line) => states.includes(line.state));
}

/** Paid in full at some time; a refund doesn't undo it. */
export function isPaid(payment: PaymentState): boolean {
  return payment === "paid" || payment === "held" || payment === "part_refunded" || payment === "refunded";
}

function isDone(kind: StepKind, facts: StepFacts): boolean {
  switch (kind) {
    case "requested":
      return true;
    case "quoted":
      return facts.quote !== null || !BEFORE_ACCEPTED.has(facts.state);
    case "accepted":
      return ["accepted", "in_progress", "cancel_requested", "completed"].includes(facts.state);
    case "paid":
      return isPaid(facts.payment);
    case "prepared":
      return everyLine(facts, "ready", "handed_over", "delivered", "failed");
    case "sent":
      return everyLine(facts, "handed_over", "delivered", "failed");
    case "delivered":
      return everyLine(facts, "delivered");
    case "completed":
      return facts.state === "completed";
    default:
      return false;
  }
}

/** The steps this order goes through. Who pays on delivery pays after it, unless it was done before; a pickup isn't sent. */
function path(facts: StepFacts): StepKind[] {
  const late =
    facts.payment_method === "pay_on_delivery" && (!isPaid(facts.payment) || everyLine(facts, "delivered"));
  const steps: (StepKind | false)[] = [
    "requested",
    "quoted",
    "accepted",
    !late && "paid",
    "prepared",
    facts.fulfilment === "shipping" && "sent",
    "delivered",
    late && "paid",
    "completed",
  ];
  return steps.filter((step): step is StepKind => step !== false);
}

/** The steps of the order, each done, current, to come, or where it stopped. */
export function stepsOf(facts: StepFacts): Step[] {
  const done = path(facts).filter((kind) => isDone(kind, facts) || facts.state === "completed");
  if (STOPPED.has(facts.state)) {
    return [
      ...done.map((kind): Step => ({ kind, state: "done" })),
      { kind: facts.state as StepKind, state: "stopped" },
    ];
  }
  let current = true;
  return path(facts).map((kind): Step => {
    if (done.includes(kind)) return { kind, state: "done" };
    const state = current ? "current" : "todo";
    current = false;
    return { kind, state };
  });
}

/** What has to be done next, whoever does it. */
export type Task =
  | "quote"
  | "accept"
  | "pay"
  | "check_payment"
  | "start"
  | "prepare"
  | "ship"
  | "collect"
  | "confirm"
  | "pay_cash"
  | "complete"
  | "resolve"
  | "answer_cancel"
  | "answer_return"
  | "send_back"
  | "receive_return"
  | "case"
  | "nothing";

export type TaskFacts = StepFacts & Pick<Order, "case" | "returns" | "next_actor">;

/** The next thing to do; `next_actor` says who does it. */
export function taskOf(facts: TaskFacts): Task {
  if (facts.next_actor === "nobody") return "nothing";
  if (facts.case === "open") return "case";
  if (facts.returns === "requested") return "answer_return";
  if (facts.returns === "authorised") return "send_back";
  if (facts.returns === "sent") return "receive_return";
  switch (facts.state) {
    case "requested":
      return "quote";
    case "quoted":
      return "accept";
    case "cancel_requested":
      return "answer_cancel";
    case "accepted":
      return paymentTask(facts) ?? "start";
    case "in_progress":
      return paymentTask(facts) ?? fulfilmentTask(facts);
    default:
      return "nothing";
  }
}

function paymentTask(facts: StepFacts): Task | null {
  if (facts.payment === "claimed") return "check_payment";
  if (facts.payment_method === "pay_on_delivery" || isPaid(facts.payment)) return null;
  return "pay";
}

function fulfilmentTask(facts: StepFacts): Task {
  if (facts.lines.some((line) => line.state === "failed")) return "resolve";
  if (everyLine(facts, "delivered")) return isPaid(facts.payment) ? "complete" : "pay_cash";
  if (everyLine(facts, "handed_over", "delivered")) return "confirm";
  if (everyLine(facts, "ready", "handed_over", "delivered"))
    return facts.fulfilment === "pickup" ? "collect" : "ship";
  return "prepare";
}

/** Whose turn it is, seen by the one who looks. */
export function turnOf(order: Pick<OrderSummary, "next_actor" | "role">): "mine" | "theirs" | "nobody" {
  if (order.next_actor === "nobody") return "nobody";
  return order.next_actor === order.role ? "mine" : "theirs";
}

/** Who holds the money, seen by the one who looks. */
export function moneyHolder(order: Pick<Order, "money_with" | "role">): "me" | "other" | "escrow" | "nobody" {
  if (order.money_with === "escrow" || order.money_with === "nobody") return order.money_with;
  return order.money_with === order.role ? "me" : "other";
}

/** How an order's state is coloured in lists. */
export function toneOf(
  order: Pick<OrderSummary, "state" | "next_actor" | "role">,
): "attention" | "ok" | "muted" | "plain" {
  if (STOPPED.has(order.state)) return "muted";
  if (turnOf(order) === "mine") return "attention";
  return order.state === "completed" ? "ok" : "plain";
}

export type OrderFilter = "all" | "waiting" | "active" | "done";

/** The filters over a list of orders. */
export function passes(order: OrderSummary, filter: OrderFilter): boolean {
  const over = STOPPED.has(order.state) || order.state === "completed";
  switch (filter) {
    case "all":
      return true;
    case "waiting":
      return turnOf(order) === "mine";
    case "active":
      return !over;
    case "done":
      return over;
  }
}

/** A time left as parts, never negative; `urgent` in the last ten minutes. */
export function timeLeft(
  untilMs: number,
  nowMs: number,
): { over: boolean; urgent: boolean; hours: number; minutes: number; seconds: number } {
  const left = Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
  return {
    over: left === 0,
    urgent: left < 600,
    hours: Math.floor(left / 3600),
    minutes: Math.floor((left % 3600) / 60),
    seconds: left % 60,
  };
}
