import { describe, expect, it } from "vitest";
import type { LineState, OrderState, OrderSummary, PaymentState, Quote } from "$lib/types";
import { moneyHolder, passes, stepsOf, taskOf, timeLeft, toneOf, turnOf, type TaskFacts } from "./steps";

interface Given {
  state: OrderState;
  payment?: PaymentState;
  line?: LineState;
  pickup?: boolean;
  bank?: boolean;
  next?: TaskFacts["next_actor"];
}

function facts({
  state,
  payment = "unpaid",
  line = "pending",
  pickup = false,
  bank = false,
  next = "seller",
}: Given): TaskFacts {
  return {
    state,
    payment,
    fulfilment: pickup ? "pickup" : "shipping",
    case: "none",
    returns: "none",
    next_actor: next,
    payment_method: bank ? "bank_transfer" : "pay_on_delivery",
    quote: state === "requested" ? null : ({} as Quote),
    lines: [{ state: line } as TaskFacts["lines"][number]],
  };
}
const shown = (given: Given) =>
  stepsOf(facts(given))
    .map((step) => `${step.kind}${{ done: "+", current: "!", todo: "", stopped: "x" }[step.state]}`)
    .join(" ");

describe("the steps of an order", () => {
  it.each([
    [{ state: "requested" }, "requested+ quoted! accepted prepared sent delivered paid completed"],
    [
      { state: "requested", bank: true },
      "requested+ quoted! accepted paid prepared sent delivered completed",
    ],
    [{ state: "quoted" }, "requested+ quoted+ accepted! prepared sent delivered paid completed"],
    [
      { state: "accepted", bank: true, payment: "claimed" },
      "requested+ quoted+ accepted+ paid! prepared sent delivered completed",
    ],
    [
      { state: "in_progress", pickup: true, line: "ready" },
      "requested+ quoted+ accepted+ prepared+ delivered! paid completed",
    ],
    [
      { state: "in_progress", line: "handed_over" },
      "requested+ quoted+ accepted+ prepared+ sent+ delivered! paid completed",
    ],
    [
      { state: "completed", payment: "refunded", line: "delivered" },
      "requested+ quoted+ accepted+ prepared+ sent+ delivered+ paid+ completed+",
    ],
    [{ state: "declined" }, "requested+ quoted+ declinedx"],
    [{ state: "cancelled" }, "requested+ quoted+ cancelledx"],
  ] as [Given, string][])("%j", (given, steps) => expect(shown(given)).toBe(steps));
});

describe("who acts next", () => {
  it.each([
    [{ state: "requested" }, "quote"],
    [{ state: "quoted" }, "accept"],
    [{ state: "accepted", bank: true }, "pay"],
    [{ state: "accepted", bank: true, payment: "part_paid" }, "pay"],
    [{ state: "accepted", bank: true, payment: "claimed" }, "check_payment"],
    [{ state: "accepted", bank: true, payment: "paid" }, "start"],
    [{ state: "accepted" }, "start"],
    [{ state: "in_progress" }, "prepare"],
    [{ state: "in_progress", line: "ready" }, "ship"],
    [{ state: "in_progress", line: "ready", pickup: true }, "collect"],
    [{ state: "in_progress", line: "handed_over" }, "confirm"],
    [{ state: "in_progress", line: "failed" }, "resolve"],
    [{ state: "in_progress", line: "delivered" }, "pay_cash"],
    [{ state: "in_progress", line: "delivered", payment: "claimed" }, "check_payment"],
    [{ state: "in_progress", line: "delivered", payment: "paid" }, "complete"],
    [{ state: "cancel_requested" }, "answer_cancel"],
    [{ state: "completed", next: "nobody" }, "nothing"],
  ] as [Given, string][])("%j: %s", (given, task) => expect(taskOf(facts(given))).toBe(task));

  it("a case and a return come before everything", () => {
    expect(taskOf({ ...facts({ state: "completed" }), case: "open" })).toBe("case");
    expect(taskOf({ ...facts({ state: "completed" }), returns: "authorised" })).toBe("send_back");
  });

  it("is seen from the side of the one who looks", () => {
    expect(turnOf({ next_actor: "buyer", role: "buyer" })).toBe("mine");
    expect(turnOf({ next_actor: "seller", role: "buyer" })).toBe("theirs");
    expect(moneyHolder({ money_with: "seller", role: "buyer" })).toBe("other");
    expect(moneyHolder({ money_with: "seller", role: "seller" })).toBe("me");
    expect(moneyHolder({ money_with: "escrow", role: "seller" })).toBe("escrow");
  });
});

it("lists are filtered and coloured by what matters to me", () => {
  const order = (state: OrderState, next_actor: "buyer" | "seller" | "nobody") =>
    ({ state, next_actor, role: "buyer" }) as OrderSummary;
  expect(passes(order("quoted", "buyer"), "waiting")).toBe(true);
  expect(passes(order("requested", "seller"), "waiting")).toBe(false);
  expect(passes(order("completed", "nobody"), "active")).toBe(false);
  expect(passes(order("expired", "nobody"), "done")).toBe(true);
  expect(
    [
      order("quoted", "buyer"),
      order("requested", "seller"),
      order("completed", "nobody"),
      order("declined", "nobody"),
    ].map(toneOf),
  ).toEqual(["attention", "plain", "ok", "muted"]);
});

it("time left is never negative and urgent near its end", () => {
  expect(timeLeft(3_723_000, 0)).toMatchObject({
    hours: 1,
    minutes: 2,
    seconds: 3,
    urgent: false,
    over: false,
  });
  expect(timeLeft(1000, 0)).toMatchObject({ seconds: 1, urgent: true });
  expect(timeLeft(0, 5000)).toMatchObject({ over: true, seconds: 0 });
});
