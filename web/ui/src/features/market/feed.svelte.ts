/** An endless list of goods: loads page after page and follows changes. */
import { untrack } from "svelte";
import { aborted, type ApiError } from "$lib/api";
import { events } from "$lib/events.svelte";
import { toApiError } from "$lib/resource.svelte";
import type { ListingPage, ListingSummary } from "$lib/types";
import { appended, refreshed } from "./feed";

/** Listings in one request: four to eight rows, so that a page is there before it is scrolled to. */
export const PAGE = 48;

/** Changes come in bursts (an import, a sync); the list is read again once per burst. */
const BURST_MS = 600;

export type LoadPage = (after: string | null, signal: AbortSignal) => Promise<ListingPage>;

export class Feed {
  items = $state.raw<ListingSummary[]>([]);
  total = $state(0);
  loading = $state(true);
  error = $state.raw<ApiError | null>(null);
  /** All pages are there. */
  complete = $state(false);
  /** At least one page was answered. */
  ready = $state(false);

  #load: LoadPage;
  #after: string | null = null;
  #controller: AbortController | null = null;

  constructor(load: LoadPage) {
    this.#load = load;
  }

  /** Starts over, from the first page. */
  restart = async (): Promise<void> => {
    this.items = [];
    this.total = 0;
    this.complete = false;
    this.ready = false;
    this.#after = null;
    this.#controller?.abort();
    this.loading = false;
    await this.more();
  };

  /** Loads the next page, unless one is on its way. */
  more = async (): Promise<void> => {
    if (this.loading || this.complete) return;
    await this.#run(this.#after, (page) => {
      this.items = appended(this.items, page.listings);
      this.#after = page.after;
      this.complete = page.after === null;
    });
  };

  /** Reads the first page again and keeps what is below it. */
  refresh = async (): Promise<void> => {
    if (!this.ready) return this.restart();
    await this.#run(null, (page) => {
      const whole = page.after === null;
      this.items = whole ? page.listings : refreshed(this.items, page.listings);
      if (whole) this.complete = true;
    });
  };

  stop(): void {
    this.#controller?.abort();
  }

  async #run(after: string | null, take: (page: ListingPage) => void): Promise<void> {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading = true;
    try {
      const page = await this.#load(after, controller.signal);
      if (controller.signal.aborted) return;
      take(page);
      this.total = page.total;
      this.ready = true;
      this.error = null;
    } catch (error) {
      if (aborted(error) || controller.signal.aborted) return;
      this.error = toApiError(error);
    }
    this.loading = false;
  }
}

/**
 * A feed that lives as long as the component: it restarts when `key` changes and follows listing events of `store`
 * (of every store when that is null).
 */
export function feed(key: () => unknown, store: () => string | null, load: LoadPage): Feed {
  const it = new Feed(load);
  $effect(() => {
    key();
    untrack(() => void it.restart());
    return () => it.stop();
  });
  $effect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => void it.refresh(), BURST_MS);
    };
    const offs = [
      events.on("listing", (event) => {
        const mine = store();
        if (mine === null || mine === event.store) soon();
      }),
      events.onResync(() => void it.refresh()),
    ];
    return () => {
      clearTimeout(timer);
      for (const off of offs) off();
    };
  });
  return it;
}
