/** Who is at this screen: the login by the link's token, and how far the account has been set up. */
import { ApiError, api } from "./api";
import { events } from "./events.svelte";
import { toApiError } from "./resource.svelte";
import type { Account, Session } from "./types";

export type Phase =
  | "starting"
  /** No session: the link was used up or the browser is another one. */
  | "signed_out"
  /** The node did not answer. */
  | "unreachable"
  /** A session, but no account on this node yet. */
  | "new"
  | "ready";

class CurrentSession {
  phase = $state<Phase>("starting");
  session = $state.raw<Session | null>(null);
  account = $state.raw<Account | null>(null);
  error = $state.raw<ApiError | null>(null);

  /** The account's id; empty before there is one. */
  get me(): string {
    return this.account?.account ?? "";
  }

  /** Takes the token out of the address bar, if there is one, and finds out where we stand. */
  async start(): Promise<void> {
    this.phase = "starting";
    this.error = null;
    try {
      await this.#login();
      this.session = await api.get<Session>("/session");
      if (this.session.account === null) {
        this.phase = "new";
        return;
      }
      await this.enter();
    } catch (error) {
      this.error = toApiError(error);
      this.phase = this.error.status === 401 ? "signed_out" : "unreachable";
    }
  }

  /** Loads the account and opens the app. */
  async enter(): Promise<void> {
    this.account = await api.get<Account>("/account");
    this.phase = "ready";
    events.start();
  }

  /** The account changed on the node. */
  async refresh(): Promise<void> {
    this.account = await api.get<Account>("/account");
  }

  async signOut(): Promise<void> {
    await api.del("/session");
    this.expired();
  }

  /** The node no longer knows this session. */
  expired(): void {
    events.stop();
    this.session = null;
    this.account = null;
    this.phase = "signed_out";
  }

  async #login(): Promise<void> {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    if (!token) return;
    // Gone from the address bar and the history before anything else can see it.
    history.replaceState(history.state, "", location.pathname + location.search);
    try {
      await api.post("/session", { token });
    } catch (error) {
      // A used token in a tab that has a session already (a reload, a second click) does no harm.
      if (!(error instanceof ApiError) || error.offline) throw error;
    }
  }
}

export const session = new CurrentSession();
