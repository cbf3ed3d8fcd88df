/** Loading of one thing for one screen: its data, error and loading state in one object. */
import { untrack } from "svelte";
import { ApiError, aborted } from "./api";
import { events } from "./events.svelte";

export class Resource<T> {
  data = $state.raw<T | undefined>(undefined);
  error = $state.raw<ApiError | null>(null);
  loading = $state(true);

  #load: (signal: AbortSignal) => Promise<T>;
  #controller: AbortController | null = null;

  constructor(load: (signal: AbortSignal) => Promise<T>) {
    this.#load = load;
  }

  /** Loads again; what is shown stays until the answer is there. */
  reload = async (): Promise<void> => {
    this.#controller?.abort();
    const controller = new AbortController();
    this.#controller = controller;
    this.loading = true;
    try {
      const data = await this.#load(controller.signal);
      if (controller.signal.aborted) return;
      this.data = data;
      this.error = null;
    } catch (error) {
      if (aborted(error) || controller.signal.aborted) return;
      this.error = toApiError(error);
    }
    this.loading = false;
  };

  /** Forgets what was loaded, for when it is of another thing. */
  clear(): void {
    this.#controller?.abort();
    this.data = undefined;
    this.error = null;
    this.loading = true;
  }

  stop(): void {
    this.#controller?.abort();
  }
}

/** Any thrown value as an {@link ApiError}. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError("unexpected", error instanceof Error ? error.message : String(error), 500);
}

/**
 * Loads while a component is shown, again whenever what `key` returns changes, and after missed events.
 *
 * Call it while the component is being set up: `const store = resource(() => account, (a, signal) => api.get(…))`.
 */
export function resource<K, T>(key: () => K, load: (key: K, signal: AbortSignal) => Promise<T>): Resource<T> {
  const it: Resource<T> = new Resource<T>((signal) => load(untrack(key), signal));
  let last: K | undefined;
  $effect(() => {
    const now = key();
    untrack(() => {
      if (last !== undefined && last !== now) it.clear();
      last = now;
      void it.reload();
    });
    return () => it.stop();
  });
  $effect(() => events.onResync(() => void it.reload()));
  return it;
}
