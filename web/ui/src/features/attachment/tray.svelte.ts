/** What stands in the composer to be sent: made ready in the browser, then given to the node, one after the other. */
import { aborted, api, ApiError, seg, uploadFile } from "$lib/api";
import { toApiError } from "$lib/resource.svelte";
import { looksLike, prepare, PrepareError, type Prepared, type PrepareProblem } from "./prepare";
import { holdsLine } from "./preview";
import type { VoiceNote } from "./recorder.svelte";
import type { AttachmentSend, Upload } from "$lib/types";

/** As many as one message takes. */
export const ATTACHMENTS_MAX = 10;

export type ItemState = "waiting" | "preparing" | "uploading" | "ready" | "failed";
/** Our own reason, or the node's answer. */
export type ItemProblem = PrepareProblem | ApiError;

export class TrayItem {
  readonly key = crypto.randomUUID();
  readonly file: File;
  readonly looks: "photo" | "video" | "file" | "voice";
  /** A photo goes out with the very bytes of its file. */
  untouched = $state(false);
  /** Somebody said that the place in the photo may go out. */
  keepMetadata = false;
  state = $state<ItemState>("waiting");
  problem = $state.raw<ItemProblem | null>(null);
  sent = $state(0);
  size = $state(0);
  /** An object URL. */
  preview = $state<string | null>(null);
  controller = new AbortController();
  uploaded: Upload | null = null;
  prepared: Prepared | null = null;
  waveform: number[] | null = null;

  constructor(file: File, untouched: boolean, voice: VoiceNote | null = null) {
    this.file = file;
    this.untouched = untouched;
    this.size = file.size;
    this.looks = voice ? "voice" : looksLike(file);
    if (voice) {
      this.waveform = voice.waveform;
      this.prepared = {
        bytes: file,
        name: file.name,
        mediaType: file.type,
        durationMs: Math.round(voice.duration_ms),
      };
    }
  }

  show(bytes: Blob | undefined): void {
    if (this.preview) URL.revokeObjectURL(this.preview);
    this.preview = bytes ? URL.createObjectURL(bytes) : null;
  }

  /** What the message says about it. */
  toSend(): AttachmentSend | null {
    const { uploaded, prepared } = this;
    if (!uploaded || !prepared) return null;
    const { name, width, height, durationMs, thumbnail } = prepared;
    return {
      upload: uploaded.upload,
      name,
      ...(width && height ? { width, height } : {}),
      ...(durationMs === undefined ? {} : { duration_ms: durationMs }),
      ...(this.waveform ? { waveform: this.waveform } : {}),
      ...(thumbnail ? { thumbnail } : {}),
    };
  }
}

export class Tray {
  items = $state.raw<TrayItem[]>([]);
  /** Send was pressed; it waits for what is under way. */
  sending = $state(false);
  /** Whether what is said here anybody may read; then files are not encrypted either. */
  readonly #isPublic: () => boolean;
  #working = false;
  #settled: (() => void)[] = [];

  constructor(isPublic: () => boolean) {
    this.#isPublic = isPublic;
  }

  get pending(): boolean {
    return this.items.some((one) => one.state !== "ready" && one.state !== "failed");
  }

  get failed(): boolean {
    return this.items.some((one) => one.state === "failed");
  }

  /** Takes files as far as there is room; returns how many found none. */
  add(files: readonly File[], untouched = false): number {
    const room = ATTACHMENTS_MAX - this.items.length;
    this.items = [...this.items, ...files.slice(0, room).map((file) => new TrayItem(file, untouched))];
    void this.#work();
    return Math.max(0, files.length - room);
  }

  addVoice(note: VoiceNote): void {
    this.items = [...this.items, new TrayItem(note.file, true, note)];
    void this.#work();
  }

  remove(item: TrayItem): void {
    this.items = this.items.filter((one) => one !== item);
    this.#forget(item);
    this.#settle();
  }

  /** Once more, perhaps in another way. */
  again(item: TrayItem, how: { untouched?: boolean; keepMetadata?: boolean } = {}): void {
    this.#forget(item);
    item.controller = new AbortController();
    item.untouched = how.untouched ?? item.untouched;
    item.keepMetadata = how.keepMetadata ?? item.keepMetadata;
    if (item.looks !== "voice") item.prepared = null;
    item.uploaded = null;
    item.problem = null;
    item.sent = 0;
    item.state = "waiting";
    void this.#work();
  }

  /** Waits until nothing is under way any more. */
  async settled(): Promise<void> {
    if (this.pending) await new Promise<void>((done) => this.#settled.push(done));
  }

  /** What is in it, in one line. */
  line(): string {
    const kind = { photo: "image", video: "video", voice: "voice", file: "file" } as const;
    const items = this.items.map((item) => ({
      kind: item.untouched && item.looks === "photo" ? ("file" as const) : kind[item.looks],
      name: item.file.name,
      duration_ms: item.prepared?.durationMs ?? null,
    }));
    return holdsLine(items, null);
  }

  /** Hands out what is ready to be named in a message, and is empty afterwards. */
  take(): AttachmentSend[] {
    const ready = this.items.flatMap((item) => item.toSend() ?? []);
    for (const item of this.items) item.show(undefined);
    this.items = [];
    return ready;
  }

  /** Calls everything off. */
  clear(): void {
    for (const item of this.items) this.#forget(item);
    this.items = [];
    this.#settle();
  }

  #forget(item: TrayItem): void {
    item.controller.abort();
    item.show(undefined);
    // The node drops what was not sent anyway, a day later.
    if (item.uploaded) api.del(`/attachments/${seg(item.uploaded.upload)}`).catch(() => undefined);
  }

  #settle(): void {
    if (this.pending) return;
    for (const done of this.#settled.splice(0)) done();
  }

  /** One after the other: large photos need much memory, and the node takes few uploads at once. */
  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    for (;;) {
      const item = this.items.find((one) => one.state === "waiting");
      if (!item) break;
      await this.#carry(item);
    }
    this.#working = false;
    this.#settle();
  }

  async #carry(item: TrayItem): Promise<void> {
    const { controller } = item;
    try {
      item.state = "preparing";
      const prepared = item.prepared ?? (await prepare(item.file, item.untouched));
      if (controller.signal.aborted) return;
      item.prepared = prepared;
      item.show(prepared.preview);
      item.size = prepared.bytes.size;
      item.state = "uploading";
      const uploaded = await uploadFile<Upload>("/attachments", prepared.bytes, {
        query: {
          name: prepared.name,
          media_type: prepared.mediaType,
          public: this.#isPublic() || undefined,
          keep_metadata: item.keepMetadata || undefined,
        },
        signal: controller.signal,
        progress: (sent) => (item.sent = Math.min(sent, item.size)),
      });
      item.uploaded = uploaded;
      item.sent = item.size;
      item.state = "ready";
    } catch (error) {
      // Called off: it is gone, or waits to be done in another way.
      if (aborted(error) || controller.signal.aborted) return;
      item.problem = error instanceof PrepareError ? error.reason : toApiError(error);
      item.state = "failed";
    }
  }
}
