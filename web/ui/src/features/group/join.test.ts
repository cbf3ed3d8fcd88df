import { expect, it } from "vitest";
import { joinNeeds } from "./join";

const host = { account: "h", name: "Mei", picture: null, is_contact: false, is_store: false };
const link = { known: false, private: true, ticket: false, door: null, host } as const;

for (const [why, change, want] of [
  ["one is in already", { known: true }, "open"],
  ["a ticket lets in", { ticket: true }, "join"],
  ["a ticket lets in where others ask, too", { ticket: true, door: "ask" }, "join"],
  ["a private group without a ticket asks its host", {}, "ask"],
  ["a private group without anybody to ask", { host: null }, "nobody"],
  ["a public group is joined", { private: false }, "join"],
  ["a public group is joined though nobody is named", { private: false, host: null }, "join"],
  ["a public group that is known to ask", { private: false, door: "ask" }, "ask"],
] as const) {
  it(why, () => expect(joinNeeds({ ...link, ...change })).toBe(want));
}
