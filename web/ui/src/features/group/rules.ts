/** What a role allows, as far as the screen is concerned. The node has the last word. */
import type { GroupRole } from "$lib/types";

/** What can be done with a member. */
export type MemberAct = "promote" | "demote" | "own" | "mute" | "unmute" | "remove" | "ban";

/**
 * What somebody of role `mine` may do with a member, in the order of the menu.
 *
 * Among admins the earlier stands above the later; since the list does not say when they were made, only the owner is
 * offered to act on them.
 */
export function actsOn(
  mine: GroupRole | null,
  member: { role: GroupRole; muted_until: number | null },
  self: boolean,
  now: number,
): MemberAct[] {
  const above = mine === "owner" ? member.role !== "owner" : mine === "admin" && member.role === "member";
  if (self || !above) return [];
  const owner: MemberAct[] = mine === "owner" ? [member.role === "admin" ? "demote" : "promote", "own"] : [];
  const muted = member.muted_until !== null && member.muted_until > now;
  return [...owner, muted ? "unmute" : "mute", "remove", "ban"];
}

/** Whether a role changes what the group is: its name, settings, pins, and who comes in. */
export const leads = (role: GroupRole | null): boolean => role === "admin" || role === "owner";

/** The bit of a group's id that says that it is private is the first; a base32 character holds five. */
const PRIVATE_FROM = 16;
const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** Whether what is said in a group is for its members alone. Its id says so, and cannot be changed. */
export function isPrivateGroup(group: string): boolean {
  return BASE32.indexOf(group.charAt(0).toLowerCase()) >= PRIVATE_FROM;
}

/** How long somebody can be muted, in ms. The longest is what groups agree on. */
export const MUTES = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
  year: 365 * 86_400_000,
} as const;
export type MuteFor = keyof typeof MUTES;

/** How far back what a removed member said goes, too, in ms; `all` has no beginning. */
export const TAKEN = { none: null, hour: MUTES.hour, day: MUTES.day, all: Infinity } as const;
export type TakenFor = keyof typeof TAKEN;

/** The time since when it goes: a query's value, or null for nothing. */
export function takenSince(choice: TakenFor, now: number): number | null {
  const back = TAKEN[choice];
  return back === null ? null : Math.max(0, Number.isFinite(back) ? now - back : 0);
}

/** The pauses that slow mode offers, in seconds. */
export const PAUSES = [0, 10, 30, 60, 300, 900, 3_600, 86_400] as const;

/** The pauses to choose from, with one that another program set. */
export function pausesWith(seconds: number): number[] {
  const all: number[] = [...PAUSES];
  return all.includes(seconds) ? all : [...all, seconds].sort((a, b) => a - b);
}

const RANK: Record<GroupRole, number> = { owner: 0, admin: 1, member: 2 };

/** Who may more stands before who may less; equals by name. */
export function byRank(a: { role: GroupRole; name: string }, b: { role: GroupRole; name: string }): number {
  return RANK[a.role] - RANK[b.role] || a.name.localeCompare(b.name);
}
