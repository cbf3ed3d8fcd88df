import { describe, expect, it } from "vitest";
import type { Message } from "$lib/types";
import { firstUnread } from "./conversation.svelte";
import { layRows } from "./rows";

const MINUTE = 60_000;
const noon = new Date(2025, 10, 22, 12).getTime();
const message = (id: string, author: string, at: number): Message => ({
  id,
  chat: "direct-x",
  author: { account: author, name: author, picture: null, is_contact: true, is_store: false },
  mine: author === "me",
  at,
  text: id,
  reply_to: null,
  card: null,
  state: "received",
  waiting_for: null,
  reactions: [],
  edited_at: null,
  gone: null,
  mentions: [],
  forwarded: false,
  expires_at: null,
  disappear_ms: null,
  attachments: [],
  location: null,
});

describe("layRows", () => {
  it("joins one person's messages that are close in time", () => {
    const rows = layRows(
      [
        message("a", "mei", noon),
        message("b", "mei", noon + MINUTE),
        message("c", "me", noon + 2 * MINUTE),
        message("d", "me", noon + 20 * MINUTE),
      ],
      null,
    );
    expect(rows.map((row) => [row.first, row.last])).toEqual([
      [true, false],
      [false, true],
      [true, true],
      [true, true],
    ]);
    expect(rows.map((row) => row.day)).toEqual([true, false, false, false]);
  });

  it("begins anew at the line of new messages", () => {
    const rows = layRows([message("a", "mei", noon), message("b", "mei", noon + 1)], "b");
    expect(rows.map((row) => [row.first, row.last, row.marker])).toEqual([
      [true, true, false],
      [true, true, true],
    ]);
  });
});

describe("firstUnread", () => {
  const all = [message("a", "mei", 1), message("b", "me", 2), message("c", "mei", 3), message("d", "mei", 4)];
  it("counts others' messages from the end", () => {
    expect(firstUnread(all, 2)).toBe("c");
    expect(firstUnread(all, 3)).toBe("a");
  });
  it("is nothing when all is read, and the oldest loaded when more are unread than loaded", () => {
    expect(firstUnread(all, 0)).toBeNull();
    expect(firstUnread(all, 99)).toBe("a");
  });
});
