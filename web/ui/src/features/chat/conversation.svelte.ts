/** One conversation: its messages, and what has been written but not yet reached the node. */
import { ApiError, aborted, api, seg } from "$lib/api";
import { events, type EventOf } from "$lib/events.svelte";
import { toApiError } from "$lib/resource.svelte";
import type {
  Chat,
  ChatUpdate,
  Id,
  Mention,
  Message,
  MessageInfo,
  MessagePage,
  MessageSend,
} from "$lib/types";
import { chats } from "./chats.svelte";
import { loadUnsent, saveUnsent, type Unsent } from "./drafts";
import { notBack } from "./states";
import { laterState } from "$features/attachment/states";

/** Messages per page: enough to fill a tall screen twice. */
const PAGE = 60;

export class Conversation {
  readonly chat: string;
  info = $state.raw<Chat | undefined>(undefined);
  /** Oldest first. */
  messages = $state.raw<Message[]>([]);
  /** Written here, not yet taken by the node. */
  unsent = $state.raw<Unsent[]>([]);
  /** Where the page before begins; null at the beginning of the conversation. */
  before = $state.raw<string | null>(null);
  loaded = $state(false);
  loadingOlder = $state(false);
  error = $state.raw<ApiError | null>(null);
  /** The first message that was unread on arrival. */
  firstUnread = $state.raw<Id | null>(null);

  #controller = new AbortController();
  #sending = false;
  #readUpTo: Id | null = null;
  /** Who waits for a message to be taken, by its key. */
  #taken = new Map<string, (message: Message | undefined) => void>();
  /** Events of this conversation so far: what is heard while a page is on its way may be newer than the page. */
  #heardCount = 0;

  constructor(chat: string) {
    this.chat = chat;
    this.unsent = loadUnsent(chat);
    this.info = chats.find(chat);
  }

  /** Loads and listens; returns what stops both. */
  start(): () => void {
    void this.load();
    const stops = [
      events.on("message", ({ message }) => {
        if (message.chat !== this.chat) return;
        this.#heardCount += 1;
        this.#heard(message);
      }),
      events.on("message_gone", ({ chat, id }) => {
        if (chat === this.chat) this.#drop(id);
      }),
      events.on("message_state", ({ chat, ids, state }) => {
        if (chat !== this.chat) return;
        const set = new Set(ids);
        this.messages = this.messages.map((one) =>
          set.has(one.id) ? { ...one, state, waiting_for: state === "queued" ? one.waiting_for : null } : one,
        );
      }),
      events.on("attachment", (heard) => {
        if (heard.chat === this.chat) this.#arrives(heard);
      }),
      events.on("chat", ({ chat }) => {
        if (chat.chat !== this.chat) return;
        this.#heardCount += 1;
        this.info = chat;
      }),
      events.on("order", () => void this.#refresh()),
      events.onResync(() => void this.#refresh().then(() => this.flush())),
    ];
    return () => {
      this.#controller.abort();
      for (const stop of stops) stop();
    };
  }

  load = async (): Promise<void> => {
    this.error = null;
    const heard = this.#heardCount;
    try {
      const [info, page] = await Promise.all([this.#info(), this.#page(null)]);
      this.info = info;
      this.messages = page.messages;
      this.before = page.before;
      this.firstUnread = firstUnread(page.messages, info.unread);
      this.loaded = true;
      // A group's history arrives while its page opens.
      if (heard !== this.#heardCount) void this.#refresh();
      void this.flush();
    } catch (error) {
      if (!aborted(error)) this.error = toApiError(error);
    }
  };

  async loadOlder(): Promise<void> {
    if (this.loadingOlder || !this.before) return;
    this.loadingOlder = true;
    try {
      const page = await this.#page(this.before);
      const have = new Set(this.messages.map((one) => one.id));
      this.messages = [...page.messages.filter((one) => !have.has(one.id)), ...this.messages];
      this.before = page.before;
    } catch {
      // Scrolling up again asks again.
    } finally {
      this.loadingOlder = false;
    }
  }

  /**
   * Shows a message at once and hands it to the node; kept here while the node does not answer.
   *
   * Gives what the node made of it, as long as this page waits for that.
   */
  async send(body: MessageSend, preview: Pick<Unsent, "reply" | "holds">): Promise<Message | undefined> {
    const key = crypto.randomUUID();
    const taken = new Promise<Message | undefined>((done) => this.#taken.set(key, done));
    this.#keep([...this.unsent, { key, at: Date.now(), body, ...preview, error: null }]);
    void this.flush();
    return taken;
  }

  /** Sends what waits, in its order. */
  async flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (;;) {
        const next = this.unsent.find((one) => one.error === null);
        if (!next) return;
        const message = await api.post<Message>(`/chats/${seg(this.chat)}/messages`, next.body, {
          key: next.key,
        });
        this.#keep(this.unsent.filter((one) => one.key !== next.key));
        this.#put(message);
        chats.heard(message);
        this.#taken.get(next.key)?.(message);
        this.#taken.delete(next.key);
      }
    } catch (error) {
      const problem = toApiError(error);
      if (problem.offline) return; // the next connection flushes
      const [next, ...rest] = this.unsent.filter((one) => one.error === null);
      if (next) {
        const failed = { ...next, error: { code: problem.code, message: problem.message } };
        this.#keep([...this.unsent.filter((one) => one.error !== null), failed, ...rest]);
      }
    } finally {
      this.#sending = false;
    }
  }

  /** Tries a refused message again. */
  retry(key: string): void {
    this.#keep(this.unsent.map((one) => (one.key === key ? { ...one, error: null } : one)));
    void this.flush();
  }

  discard(key: string): void {
    this.#taken.get(key)?.(undefined);
    this.#taken.delete(key);
    this.#keep(this.unsent.filter((one) => one.key !== key));
  }

  /** Puts one's emoji under a message, or takes it away. */
  async react(message: Message, emoji: string): Promise<void> {
    const on = !message.reactions.some((one) => one.emoji === emoji && one.mine);
    this.#put(await api.post<Message>(`${this.#path(message)}/reactions`, { emoji, on }));
  }

  async edit(message: Message, text: string, mentions: Mention[]): Promise<void> {
    this.#put(await api.patch<Message>(this.#path(message), { text, mentions }));
  }

  async recall(message: Message): Promise<void> {
    this.#put(await api.post<Message>(`${this.#path(message)}/recall`));
  }

  async deleteForAll(message: Message): Promise<void> {
    this.#put(await api.del<Message>(this.#path(message)));
  }

  /** Puts a message on top of the group, for everybody, or takes it down. */
  async pin(message: Id, on: boolean): Promise<void> {
    const path = `/groups/${seg(this.info?.group ?? "")}/pins/${seg(message)}`;
    await (on ? api.put(path) : api.del(path));
  }

  /** Says it again elsewhere. */
  async forward(message: Message, to: string[]): Promise<void> {
    await api.post(`${this.#path(message)}/forward`, { chats: to }, { key: crypto.randomUUID() });
  }

  /** Deletes it here alone. */
  async hide(message: Message): Promise<void> {
    await api.post(`${this.#path(message)}/hide`);
    this.#drop(message.id);
  }

  infoOf(message: Message, signal: AbortSignal): Promise<MessageInfo> {
    return api.get<MessageInfo>(this.#path(message), { signal });
  }

  /** Messages with these words, newest first. */
  find(q: string, signal: AbortSignal): Promise<Message[]> {
    return api.get<Message[]>(`/chats/${seg(this.chat)}/find`, { query: { q }, signal });
  }

  /** The first message at or after a time. */
  async since(at: number): Promise<Message | undefined> {
    const found = await api.get<Message[]>(`/chats/${seg(this.chat)}/find`, { query: { since: at } });
    return found[0];
  }

  /** Keeps what was begun, for every browser of the node. */
  async keepDraft(text: string, replyTo: Id | null): Promise<void> {
    await api.put(`/chats/${seg(this.chat)}/draft`, { text, reply_to: replyTo });
  }

  #drop(id: Id): void {
    this.messages = this.messages.filter((one) => one.id !== id);
  }

  #path(message: Message): string {
    return `/chats/${seg(this.chat)}/messages/${seg(message.id)}`;
  }

  /** Asks the node to try its queue now. */
  async tryNow(): Promise<void> {
    await api.post(`/chats/${seg(this.chat)}/retry`);
  }

  /** Everything up to the newest message has been seen. */
  async seen(): Promise<void> {
    const newest = this.messages.findLast((one) => !one.mine);
    if (!newest || newest.id === this.#readUpTo) return;
    const before = this.#readUpTo;
    this.#readUpTo = newest.id;
    try {
      await api.post(`/chats/${seg(this.chat)}/read`, { up_to: newest.id });
      const chat = chats.find(this.chat);
      if (chat && (chat.unread > 0 || chat.marked_unread)) {
        chats.put({ ...chat, unread: 0, mentions: 0, marked_unread: false });
      }
    } catch {
      this.#readUpTo = before;
    }
  }

  async change(part: ChatUpdate): Promise<void> {
    this.info = await api.patch<Chat>(`/chats/${seg(this.chat)}`, part);
    chats.put(this.info);
  }

  #keep(unsent: Unsent[]): void {
    this.unsent = unsent;
    saveUnsent(this.chat, unsent);
  }

  /** More of an attachment is here. */
  #arrives({ id, index, state, received }: EventOf<"attachment">): void {
    this.messages = this.messages.map((message) => {
      if (message.id !== id) return message;
      const attachments = message.attachments.map((one) =>
        one.index === index ? laterState(one, { ...one, state, received }) : one,
      );
      return { ...message, attachments };
    });
  }

  /** An event tells of a message; mine may be here before the answer to the request that sent it. */
  #heard(message: Message): void {
    if (message.mine) {
      const same = this.unsent.find((one) => one.error === null && one.body.text === message.text);
      if (same && this.#sending) this.unsent = this.unsent.filter((one) => one !== same);
    }
    this.#put(message);
  }

  /** Puts a message in its place by time and id, as every node sorts them. */
  #put(message: Message): void {
    const others = this.messages
      .filter((one) => one.id !== message.id)
      .map((one) => (one.reply_to?.id === message.id ? quoting(one, message) : one));
    const put = notBack(
      this.messages.find((one) => one.id === message.id),
      message,
    );
    const first = others[0];
    if (first && this.before && earlier(message, first)) return; // belongs to a page not loaded yet
    let at = others.length;
    while (at > 0 && earlier(message, others[at - 1] as Message)) at -= 1;
    this.messages = others.toSpliced(at, 0, put);
  }

  /** After missed events: the newest page again, joined to what is loaded. */
  async #refresh(): Promise<void> {
    if (!this.loaded) return this.load();
    try {
      const [info, page] = await Promise.all([this.#info(), this.#page(null)]);
      this.info = info;
      const fresh = new Map(page.messages.map((one) => [one.id, one]));
      const joined = this.messages.some((one) => fresh.has(one.id));
      if (!joined) {
        this.messages = page.messages;
        this.before = page.before;
        return;
      }
      const kept = this.messages.filter((one) => !fresh.has(one.id));
      this.messages = [...kept, ...page.messages].sort((a, b) => (earlier(a, b) ? -1 : 1));
    } catch {
      // The next event or reconnect brings it.
    }
  }

  #info(): Promise<Chat> {
    return api.get<Chat>(`/chats/${seg(this.chat)}`, { signal: this.#controller.signal });
  }

  #page(before: string | null): Promise<MessagePage> {
    return api.get<MessagePage>(`/chats/${seg(this.chat)}/messages`, {
      query: { before, limit: PAGE },
      signal: this.#controller.signal,
    });
  }
}

/** An answer quotes what the other message says now; nothing, if that was taken back. */
function quoting(answer: Message, quoted: Message): Message {
  if (!answer.reply_to) return answer;
  const gone = quoted.gone !== null;
  return { ...answer, reply_to: { ...answer.reply_to, gone, text: gone ? "" : quoted.text } };
}

const earlier = (a: Message, b: Message): boolean => a.at < b.at || (a.at === b.at && a.id < b.id);

/** The first of the last `unread` messages of others. */
export function firstUnread(messages: Message[], unread: number): Id | null {
  if (unread <= 0) return null;
  const others = messages.filter((one) => !one.mine);
  return others.at(-Math.min(unread, others.length))?.id ?? null;
}
