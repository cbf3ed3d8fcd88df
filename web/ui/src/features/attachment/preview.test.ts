import { describe, expect, it } from "vitest";
import { duration } from "./duration";
import { holdsLine } from "./preview";
import type { AttachmentKind } from "$lib/types";

const one = (kind: AttachmentKind, name = "a.bin", duration_ms: number | null = null) => ({
  kind,
  name,
  duration_ms,
});

describe("holdsLine", () => {
  it("says what a message holds", () => {
    expect(holdsLine([one("image")], null)).toBe("Photo");
    expect(holdsLine([one("image"), one("image"), one("image")], null)).toBe("3 photos");
    expect(holdsLine([one("video", "a.mp4", 31_400)], null)).toBe("Video 0:31");
    expect(holdsLine([one("video", "a.mp4", 640)], null)).toBe("Video 0:01");
    expect(holdsLine([one("video")], null)).toBe("Video");
    expect(holdsLine([one("image"), one("video")], null)).toBe("2 pictures and videos");
    expect(holdsLine([one("voice", "voice.webm", 12_900)], null)).toBe("Voice note 0:12");
    expect(holdsLine([one("file", "菜单.pdf")], null)).toBe("File: 菜单.pdf");
    expect(holdsLine([one("file", "")], null)).toBe("File");
    expect(holdsLine([one("audio", "song.mp3")], null)).toBe("File: song.mp3");
    expect(holdsLine([one("file"), one("image")], null)).toBe("2 files");
  });
  it("says where", () => {
    expect(holdsLine([], { label: "North gate", live_until: null })).toBe("Location: North gate");
    expect(holdsLine([], { label: null, live_until: null })).toBe("Location");
    expect(holdsLine([], { label: null, live_until: 1 })).toBe("Live location");
  });
  it("is empty for a message of words alone", () => {
    expect(holdsLine([], null)).toBe("");
  });
});

describe("duration", () => {
  it("is written as clocks do", () => {
    expect([0, 999, 7_000, 760_000, 3_723_000, -5].map(duration)).toEqual([
      "0:00",
      "0:00",
      "0:07",
      "12:40",
      "1:02:03",
      "0:00",
    ]);
  });
});
