/** Short confirmations and failures at the bottom of the screen. */
import { explain } from "./i18n/common";
import { toApiError } from "./resource.svelte";

export interface ToastItem {
  id: number;
  text: string;
  kind: "info" | "error";
}

/** How long one stays, in ms: long enough to read twice. */
const SHOWN_MS = 5_000;

class Toasts {
  items = $state<ToastItem[]>([]);
  #next = 1;

  show(text: string, kind: ToastItem["kind"] = "info"): void {
    const id = this.#next++;
    this.items = [...this.items.filter((item) => item.text !== text), { id, text, kind }].slice(-3);
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  /** Tells of a failed action in plain words. */
  fail(error: unknown): void {
    this.show(explain(toApiError(error)), "error");
  }

  dismiss(id: number): void {
    this.items = this.items.filter((item) => item.id !== id);
  }
}

export const toast = new Toasts();
