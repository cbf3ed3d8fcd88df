import { expect, it } from "vitest";
import { pinLine } from "./pins";

const author = { account: "a", name: "Mei", picture: null, is_contact: false, is_store: false };

it("says who and what, on one line", () => {
  expect(pinLine({ author, text: "Dinner\n at  seven " }, "Someone", "gone")).toBe("Mei: Dinner at seven");
  expect(pinLine({ author: { ...author, name: "" }, text: "Hi" }, "Someone", "gone")).toBe("Someone: Hi");
});

it("says who where there are no words, and that a message is not here", () => {
  expect(pinLine({ author, text: "" }, "Someone", "gone")).toBe("Mei");
  expect(pinLine({ author: null, text: "" }, "Someone", "gone")).toBe("gone");
});
