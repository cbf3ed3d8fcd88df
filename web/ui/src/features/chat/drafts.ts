/** What has been typed and not sent, per chat, kept in this browser so that nothing is lost by a reload. */
import type { MessageSend, Ms } from "$lib/types";

/** A message that the node has not taken yet. */
export interface Unsent {
  key: string;
  at: Ms;
  body: MessageSend;
  /** What it answers, for showing it. */
  reply: { author: string; text: string } | null;
  /** What it holds beside its words, in one line. */
  holds?: string;
  /** Why the node refused it; null while it only waits. */
  error: { code: string; message: string } | null;
}

const draftKey = (chat: string): string => `hutong.draft.${chat}`;
const unsentKey = (chat: string): string => `hutong.unsent.${chat}`;

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is off; drafts then live as long as the page
  }
}

function write(key: string, value: string): void {
  try {
    if (value) localStorage.setItem(key, value);
    else localStorage.removeItem(key);
  } catch {
    // Full or off: the text is still in the field.
  }
}

export const loadDraft = (chat: string): string => read(draftKey(chat)) ?? "";
export const saveDraft = (chat: string, text: string): void => write(draftKey(chat), text);

export function loadUnsent(chat: string): Unsent[] {
  try {
    const value: unknown = JSON.parse(read(unsentKey(chat)) ?? "[]");
    return Array.isArray(value) ? (value as Unsent[]) : [];
  } catch {
    return [];
  }
}

export const saveUnsent = (chat: string, unsent: Unsent[]): void =>
  write(unsentKey(chat), unsent.length > 0 ? JSON.stringify(unsent) : "");
