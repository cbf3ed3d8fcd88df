import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "$lib/api";
import type { Upload } from "$lib/types";

interface Asked {
  name: string;
  query: Record<string, unknown>;
  answer: (error?: ApiError) => void;
}
const asked: Asked[] = [];
const forgotten: string[] = [];
vi.mock("$lib/api", async (original) => ({
  ...(await original<object>()),
  uploadFile: (
    _path: string,
    bytes: Blob,
    options: { query: Record<string, unknown>; signal: AbortSignal; progress: (sent: number) => void },
  ): Promise<Upload> =>
    new Promise((done, fail) => {
      const name = String(options.query["name"]);
      options.signal.addEventListener("abort", () => fail(new DOMException("", "AbortError")));
      options.progress(bytes.size / 2);
      asked.push({
        name,
        query: options.query,
        answer: (error) =>
          error
            ? fail(error)
            : done({
                upload: `id-${name}`,
                size: bytes.size,
                media_type: "",
                kind: "file",
                width: null,
                height: null,
              }),
      });
    }),
  api: { del: (path: string) => (forgotten.push(path), Promise.resolve()) },
}));
const { ATTACHMENTS_MAX, Tray } = await import("./tray.svelte");

const file = (name: string, words = "four"): File => new File([words], name, { type: "text/plain" });
const next = (): Promise<Asked> =>
  vi.waitFor(() => asked.shift() ?? Promise.reject(new Error("nothing is uploaded")));

beforeEach(() => {
  asked.length = 0;
  forgotten.length = 0;
});

describe("Tray", () => {
  it("uploads one after the other and hands out what the message says", async () => {
    const tray = new Tray(() => false);
    expect(tray.add([file("a.txt"), file("b.txt")])).toBe(0);
    const first = await next();
    expect(first.query).toMatchObject({ name: "a.txt", media_type: "text/plain", public: undefined });
    expect(asked).toHaveLength(0);
    expect(tray.items.map((one) => [one.state, one.sent])).toEqual([
      ["uploading", 2],
      ["waiting", 0],
    ]);
    first.answer();
    (await next()).answer();
    await tray.settled();
    expect(tray.line()).toBe("2 files");
    expect(tray.take()).toEqual([
      { upload: "id-a.txt", name: "a.txt" },
      { upload: "id-b.txt", name: "b.txt" },
    ]);
    expect(tray.items).toEqual([]);
    expect(forgotten).toEqual([]);
  });

  it("takes ten, and says how many found no room", async () => {
    const tray = new Tray(() => false);
    const many = Array.from({ length: ATTACHMENTS_MAX + 2 }, (_, at) => file(`${at}.txt`));
    expect(tray.add(many)).toBe(2);
    expect(tray.items).toHaveLength(ATTACHMENTS_MAX);
    expect(tray.add([file("more.txt")])).toBe(1);
    tray.clear();
    await tray.settled();
  });

  it("calls an upload off, and goes on with the next", async () => {
    const tray = new Tray(() => true);
    tray.add([file("a.txt"), file("b.txt")]);
    expect((await next()).query["public"]).toBe(true);
    const [first] = tray.items;
    if (first) tray.remove(first);
    (await next()).answer();
    await tray.settled();
    expect(tray.take()).toEqual([{ upload: "id-b.txt", name: "b.txt" }]);
  });

  it("keeps what failed until it is tried again or removed, and tells the node to forget what is not sent", async () => {
    const tray = new Tray(() => false);
    tray.add([file("a.txt"), file("empty.txt", "")]);
    (await next()).answer(new ApiError("full", "The disk is full.", 507));
    await tray.settled();
    expect(tray.failed).toBe(true);
    expect(
      tray.items.map((one) => (typeof one.problem === "string" ? one.problem : one.problem?.code)),
    ).toEqual(["full", "empty"]);
    const [first, second] = tray.items;
    if (first) tray.again(first, { keepMetadata: true });
    const again = await next();
    expect(again.query["keep_metadata"]).toBe(true);
    again.answer();
    await tray.settled();
    if (second) tray.remove(second);
    expect(tray.failed).toBe(false);
    tray.clear();
    expect(forgotten).toEqual(["/attachments/id-a.txt"]);
  });

  it("sends a voice note with its shape", async () => {
    const tray = new Tray(() => false);
    const voice = new File(["opus"], "voice.webm", { type: "audio/webm" });
    tray.addVoice({ file: voice, duration_ms: 12_345.6, waveform: [1, 255] });
    expect(tray.pending).toBe(true);
    (await next()).answer();
    await tray.settled();
    expect(tray.line()).toBe("Voice note 0:12");
    expect(tray.take()).toEqual([
      { upload: "id-voice.webm", name: "voice.webm", duration_ms: 12_346, waveform: [1, 255] },
    ]);
  });
});
