/** Live locations that this page tells the node, until their time is over or somebody stops them. */
import { untrack } from "svelte";
import { ApiError } from "$lib/api";
import type { Id, Message, Ms } from "$lib/types";
import { endPlace, movePlace } from "./acts";
import { metres, type Point } from "./place";

interface Shared {
  chat: string;
  id: Id;
  until: Ms;
}

const KEY = "hutong.live";
/** At most this often the node is told, in ms; a record goes out to everybody each time. */
const PAUSE_MS = 15_000;
/** Nearer than this, in m, is standing still; a telephone's own guesses wander as far. */
const STILL_M = 10;
/** How often it is looked whether there is something to tell, in ms: a place that came too early waits so long more. */
const LOOK_MS = 3_000;
/** Who stands still says so now and then, in ms. */
const STILL_MS = 2 * 60_000;

/** Whether a new place is worth telling. */
export function worthTelling(before: (Point & { at: Ms }) | null, now: Point & { at: Ms }): boolean {
  if (!before) return true;
  if (now.at - before.at < PAUSE_MS) return false;
  return metres(before, now) >= STILL_M || now.at - before.at >= STILL_MS;
}

class Sharing {
  list = $state.raw<Shared[]>([]);
  #watch: number | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Where this device is; a browser tells it only when it changes. */
  #newest: GeolocationCoordinates | null = null;
  #last: (Point & { at: Ms }) | null = null;

  has(id: Id): boolean {
    return this.list.some((one) => one.id === id);
  }

  /** Goes on with what this browser shared before a reload. Returns what stops it. */
  start(): () => void {
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
      if (Array.isArray(kept)) this.list = (kept as Shared[]).filter((one) => one.until > Date.now());
    } catch {
      // Storage is off: it ends with the page.
    }
    // It runs inside of an effect, which must not run again for what is read here.
    untrack(() => this.#look());
    return () => this.#rest();
  }

  /** Begins: the message itself has told the first place. */
  add(message: Message, until: Ms): void {
    if (message.location) this.#last = { ...message.location, at: Date.now() };
    this.#keep([...this.list, { chat: message.chat, id: message.id, until }]);
  }

  async stop(message: Pick<Message, "chat" | "id">): Promise<void> {
    await endPlace(message);
    this.#keep(this.list.filter((one) => one.id !== message.id));
  }

  #keep(list: Shared[]): void {
    this.list = list;
    try {
      if (list.length > 0) localStorage.setItem(KEY, JSON.stringify(list));
      else localStorage.removeItem(KEY);
    } catch {
      // As above.
    }
    this.#look();
  }

  /** Watches the place as long as anything is shared, and not longer. */
  #look(): void {
    if (this.list.length === 0) return this.#rest();
    if (this.#watch !== null || !("geolocation" in navigator)) return;
    this.#watch = navigator.geolocation.watchPosition(
      ({ coords }) => {
        this.#newest = coords;
        void this.#tell();
      },
      () => undefined, // It tries again by itself; others see how old the last place is.
      { enableHighAccuracy: true, maximumAge: PAUSE_MS },
    );
    this.#timer = setInterval(() => void this.#tell(), LOOK_MS);
  }

  #rest(): void {
    if (this.#watch !== null) navigator.geolocation.clearWatch(this.#watch);
    clearInterval(this.#timer);
    this.#watch = null;
    this.#newest = null;
    this.#last = null;
  }

  async #tell(): Promise<void> {
    const at = Date.now();
    if (this.list.some((one) => one.until <= at)) this.#keep(this.list.filter((one) => one.until > at));
    if (!this.#newest) return;
    const { latitude, longitude, accuracy } = this.#newest;
    const now = { latitude, longitude, at };
    if (!worthTelling(this.#last, now)) return;
    this.#last = now;
    for (const one of this.list) {
      try {
        await movePlace(one, { latitude, longitude, accuracy_m: Math.round(accuracy) });
      } catch (error) {
        // Ended elsewhere or taken back: the node takes no more of it. Without an answer it goes on later.
        if (error instanceof ApiError && !error.offline && error.status < 500 && error.status !== 429) {
          this.#keep(this.list.filter((other) => other.id !== one.id));
        }
      }
    }
  }
}

export const sharing = new Sharing();
