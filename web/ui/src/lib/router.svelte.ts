/** A path router small enough to read: a table of patterns, lazy screens, and the browser's own history. */
import type { Component } from "svelte";
import { matchPath, type Params } from "./path";

export type Tab = "chats" | "contacts" | "discover" | "market" | "me";
// Screens are of many shapes; the router only passes them what the path named.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Screen = Component<any>;
type Loader = () => Promise<{ default: Screen }>;

export interface Route {
  /** `/store/:account/:listing`; a parameter matches one segment. */
  path: string;
  /** The tab that is lit while this is shown. */
  tab: Tab;
  /** The middle column on a desktop; on a phone it shows only when there is no `page`. */
  list?: Loader;
  /** The main column. Without it a desktop shows a quiet empty pane. */
  page?: Loader;
  /** On a phone: a full screen without the bottom tabs (a conversation, a checkout). */
  full?: boolean;
}

class Router {
  /** The path without query and fragment. */
  path = $state(typeof location === "undefined" ? "/" : location.pathname);
  /** The query string's parameters. */
  query = $state.raw(new URLSearchParams(typeof location === "undefined" ? "" : location.search));
  /** Grows with each step inside the app, so that Back knows whether there is somewhere to go back to. */
  depth = $state(0);

  #routes: Route[] = [];

  register(routes: Route[]): void {
    this.#routes.push(...routes);
  }

  /** The route of a path and what its parameters are, or null. */
  match(path: string): { route: Route; params: Params } | null {
    for (const route of this.#routes) {
      const params = matchPath(route.path, path);
      if (params) return { route, params };
    }
    return null;
  }

  /** Starts following the address bar and clicks on links to our own pages. */
  start(): () => void {
    const state = history.state as { depth?: number } | null;
    this.depth = state?.depth ?? 0;
    window.addEventListener("popstate", this.#sync);
    document.addEventListener("click", this.#click);
    return () => {
      window.removeEventListener("popstate", this.#sync);
      document.removeEventListener("click", this.#click);
    };
  }

  /** Goes to a path of this app; `replace` leaves no step to come back to. */
  go(to: string, { replace = false }: { replace?: boolean } = {}): void {
    if (to === location.pathname + location.search) return;
    const depth = replace ? this.depth : this.depth + 1;
    history[replace ? "replaceState" : "pushState"]({ depth }, "", to);
    this.#sync();
  }

  /** One step back, or to `fallback` when the page was opened directly. */
  back(fallback: string): void {
    if (this.depth > 0) history.back();
    else this.go(fallback, { replace: true });
  }

  #sync = (): void => {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
    this.depth = (history.state as { depth?: number } | null)?.depth ?? 0;
  };

  #click = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.("a");
    if (!link || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  };
}

export const router = new Router();
/** Goes to a path of this app. */
export const go = (to: string, options?: { replace?: boolean }): void => router.go(to, options);
