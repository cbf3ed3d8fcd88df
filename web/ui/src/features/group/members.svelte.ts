/**
 * The members of a group, beyond those that come with it.
 *
 * A group names its first two hundred, those one looks for first; the rest is paged through in no order that means anything.
 */
import { aborted, api, seg } from "$lib/api";
import type { ApiError } from "$lib/api";
import { toApiError } from "$lib/resource.svelte";
import { byRank } from "./rules";
import type { Group, GroupMember, GroupMemberPage } from "$lib/types";

/** Members per page: a few screens. */
const PAGE = 100;
/** Pages asked for at once where all of one was shown already: ten thousand members are a hundred pages. */
const PAGES_MAX = 100;

export class Members {
  /** What is shown. */
  list = $state.raw<GroupMember[]>([]);
  /** Whether there are more of them. */
  more = $state(false);
  loading = $state(false);
  error = $state.raw<ApiError | null>(null);

  #group: Group;
  #word = "";
  #rest: GroupMember[] = [];
  /** Where the next page begins: null at the end, undefined before the first. */
  #after: string | null | undefined = undefined;
  #controller = new AbortController();

  constructor(group: Group) {
    this.#group = group;
    this.#show();
  }

  /** The group is another, or is something else now. */
  async follow(group: Group, word: string): Promise<void> {
    const seen = this.#word === word ? this.#rest.length : 0;
    this.#group = group;
    this.#word = word;
    if (this.#whole || (word === "" && seen === 0)) {
      this.#controller.abort();
      [this.#rest, this.#after, this.error, this.loading] = [[], undefined, null, false];
      this.#show();
      return;
    }
    // What is shown stays until the answer is there.
    await this.#load([], undefined, Math.max(1, seen));
  }

  /** The next page. */
  next = async (): Promise<void> => {
    if (!this.loading && this.more) await this.#load(this.#rest, this.#after, this.#rest.length + 1);
  };

  stop(): void {
    this.#controller.abort();
  }

  /** All members came with the group. */
  get #whole(): boolean {
    return this.#group.members.length >= this.#group.member_count;
  }

  /** From a place on, until at least `many` are there that did not come with the group. */
  async #load(from: GroupMember[], start: string | null | undefined, many: number): Promise<void> {
    this.#controller.abort();
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    this.loading = true;
    let [rest, after] = [from, start];
    const have = new Set([...this.#first(), ...from].map((one) => one.account));
    try {
      for (let pages = 0; pages < PAGES_MAX && after !== null && rest.length < many; pages += 1) {
        const page: GroupMemberPage = await api.get<GroupMemberPage>(
          `/groups/${seg(this.#group.group)}/members`,
          {
            query: { after, limit: PAGE, q: this.#word.trim() },
            signal,
          },
        );
        rest = [...rest, ...page.members.filter((one) => !have.has(one.account))];
        after = page.after;
      }
      [this.#rest, this.#after, this.error] = [rest, after, null];
      this.#show();
    } catch (error) {
      if (aborted(error)) return;
      this.error = toApiError(error);
    }
    this.loading = false;
  }

  /** Those of the word who came with the group. */
  #first(): GroupMember[] {
    const word = this.#word.trim().toLocaleLowerCase();
    return this.#group.members.filter((one) => one.name.toLocaleLowerCase().includes(word));
  }

  #show(): void {
    const first = this.#first();
    const have = new Set(first.map((one) => one.account));
    const rest = this.#rest.filter((one) => !have.has(one.account));
    this.list = [...first, ...(this.#word === "" ? rest : rest.toSorted(byRank))];
    this.more = !this.#whole && this.#after !== null;
  }
}
