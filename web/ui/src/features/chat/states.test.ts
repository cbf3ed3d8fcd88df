import { expect, test } from "vitest";
import type { Message } from "$lib/types";
import { notBack } from "./states";

const message = (state: Message["state"]) =>
  ({ id: "a", state, waiting_for: state === "queued" ? "unreachable" : null }) as Message;

test("an answer that an event overtook takes nothing back", () => {
  expect(notBack(message("read"), message("queued"))).toMatchObject({ state: "read", waiting_for: null });
});

test("what is newer counts", () => {
  expect(notBack(undefined, message("queued")).state).toBe("queued");
  expect(notBack(message("queued"), message("delivered"))).toMatchObject({
    state: "delivered",
    waiting_for: null,
  });
  expect(notBack(message("received"), message("received")).state).toBe("received");
});
