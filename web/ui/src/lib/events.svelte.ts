/** Live events: one WebSocket per tab, shared by every screen. */
import type { Event as NodeEvent } from "./types";

type EventType = NodeEvent["type"];
export type EventOf<T extends EventType> = Extract<NodeEvent, { type: T }>;
type Handler = (event: NodeEvent) => void;

/** Waits between attempts, in ms; the last one repeats. Short, since the node is on this machine or network. */
const BACKOFF_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];
/** A pause this short (a restart, a laptop lid) is not worth a banner. */
const GRACE_MS = 1_500;

export type Connection = "idle" | "connecting" | "online" | "offline";

class LiveEvents {
  /** What the banner shows. `connecting` becomes `offline` only after a grace period. */
  connection = $state<Connection>("idle");

  #handlers = new Map<EventType, Set<Handler>>();
  #resync = new Set<() => void>();
  #socket: WebSocket | null = null;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #wanted = false;
  #opened = false;

  /** Hears one type of event. Returns the function that stops it, so it can be an effect's cleanup. */
  on<T extends EventType>(type: T, handler: (event: EventOf<T>) => void): () => void {
    const set = this.#handlers.get(type) ?? new Set();
    this.#handlers.set(type, set);
    set.add(handler as Handler);
    return () => set.delete(handler as Handler);
  }

  /** Called when events may have been missed: after a reconnect, and when the server says so. */
  onResync(handler: () => void): () => void {
    this.#resync.add(handler);
    return () => this.#resync.delete(handler);
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    window.addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
    this.#open();
  }

  stop(): void {
    this.#wanted = false;
    this.#opened = false;
    window.removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
    clearTimeout(this.#retry);
    clearTimeout(this.#grace);
    this.#socket?.close();
    this.#socket = null;
    this.connection = "idle";
  }

  /** Tries again at once: the user asked, or the machine woke up. */
  reconnect(): void {
    if (!this.#wanted || this.connection === "online") return;
    this.#attempt = 0;
    clearTimeout(this.#retry);
    this.#socket?.close();
    this.#open();
  }

  #hurry = (): void => {
    if (document.visibilityState === "visible") this.reconnect();
  };

  #open(): void {
    if (this.connection === "idle") this.connection = "connecting";
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/events`);
    this.#socket = socket;
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      clearTimeout(this.#grace);
      this.#grace = undefined;
      this.#attempt = 0;
      this.connection = "online";
      if (this.#opened) this.#missed();
      this.#opened = true;
    };
    socket.onmessage = (message: MessageEvent<string>) => this.#receive(message.data);
    socket.onclose = () => {
      if (socket === this.#socket) this.#closed();
    };
  }

  #closed(): void {
    if (!this.#wanted) return;
    if (this.connection === "online") this.connection = "connecting";
    this.#grace ??= setTimeout(() => (this.connection = "offline"), GRACE_MS);
    const wait = BACKOFF_MS[Math.min(this.#attempt, BACKOFF_MS.length - 1)] ?? 8_000;
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  #receive(text: string): void {
    let event: NodeEvent;
    try {
      event = JSON.parse(text) as NodeEvent;
    } catch {
      return;
    }
    if (event.type === "missed") this.#missed();
    for (const handler of this.#handlers.get(event.type) ?? []) handler(event);
  }

  #missed(): void {
    for (const handler of this.#resync) handler();
  }
}

export const events = new LiveEvents();
