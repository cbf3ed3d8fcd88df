import { describe, expect, it } from "vitest";
import { laterState, share, standing } from "./states";
import type { Attachment, AttachmentState } from "$lib/types";

const one = (state: AttachmentState, received = 0): Attachment => ({
  index: 0,
  kind: "file",
  name: "menu.pdf",
  media_type: "application/pdf",
  size: 4_000_000,
  width: null,
  height: null,
  duration_ms: null,
  waveform: null,
  thumbnail: null,
  thumbnail_type: null,
  state,
  received,
  url: "/api/chats/direct-x/messages/m/attachments/0",
});
const tom = { name: "Tom", mine: false, group: false };

describe("standing", () => {
  it("says how it stands and what can be done", () => {
    expect(standing(one("here", 4_000_000), tom, "en")).toEqual({ text: "", act: null });
    expect(standing(one("fetching", 1_000_000), tom, "en")).toEqual({ text: "1 MB of 4 MB", act: "pause" });
    expect(standing(one("absent"), tom, "en")).toEqual({ text: "Not fetched yet", act: "fetch" });
    expect(standing(one("absent", 2_000_000), tom, "en")).toEqual({
      text: "Paused at 2 MB of 4 MB",
      act: "resume",
    });
    expect(standing(one("lying"), tom, "en")).toMatchObject({
      text: expect.stringContaining("thrown away"),
      act: "fetch",
    });
  });
  it("says what only can be saved, and what found no room", () => {
    expect(standing(one("too_large"), tom, "en")).toMatchObject({
      text: expect.stringContaining("Too many pixels"),
      act: null,
    });
    expect(standing(one("full"), tom, "en")).toMatchObject({
      text: expect.stringContaining("no room"),
      act: "fetch",
    });
  });
  it("says whom it waits for", () => {
    expect(standing(one("waiting"), tom, "en").text).toBe("Comes when Tom's node is online");
    expect(standing(one("waiting"), { ...tom, group: true }, "en").text).toContain("another member's");
    expect(standing(one("waiting"), { ...tom, mine: true }, "en").text).toContain("the device that has it");
  });
});

describe("share", () => {
  it("is a part of one, and whole when it is here", () => {
    expect(share(one("fetching", 1_000_000))).toBe(0.25);
    expect(share(one("here"))).toBe(1);
    expect(share(one("too_large"))).toBe(1);
    expect(share({ ...one("fetching", 9), size: 0 })).toBe(1);
  });
});

describe("laterState", () => {
  it("takes nothing back that is here, and follows all else", () => {
    expect(laterState(one("here", 9), one("fetching", 5))).toMatchObject({ state: "here", received: 9 });
    expect(laterState(one("fetching", 5), one("absent", 5)).state).toBe("absent");
    expect(laterState(undefined, one("fetching", 5)).state).toBe("fetching");
  });
});
