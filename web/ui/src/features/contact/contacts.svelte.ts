/** Contacts and requests, kept up to date by events. */
import { api, seg } from "$lib/api";
import { counts } from "$lib/counts.svelte";
import { events } from "$lib/events.svelte";
import { Resource } from "$lib/resource.svelte";
import { locale } from "$lib/i18n/index.svelte";
import type { Contact } from "$lib/types";
import { t } from "./texts";

class Contacts extends Resource<Contact[]> {
  constructor() {
    super((signal) => api.get<Contact[]>("/contacts", { signal }));
  }

  find(account: string): Contact | undefined {
    return this.data?.find((one) => one.account === account);
  }

  put(contact: Contact): void {
    const others = (this.data ?? []).filter((one) => one.account !== contact.account);
    this.data = contact.state === "none" ? others : [...others, contact];
  }

  remove(account: string): void {
    this.data = this.data?.filter((one) => one.account !== account);
  }

  async answer(account: string, answer: "accept" | "decline"): Promise<Contact> {
    const contact = await api.post<Contact>(`/contacts/${seg(account)}/${answer}`);
    this.put(contact);
    return contact;
  }
}

export const contacts = new Contacts();

/** How this person is called here: by my alias, else by their own name. */
export const nameOf = (contact: Pick<Contact, "alias" | "name" | "account">): string =>
  contact.alias || contact.name || contact.account.slice(0, 8);

/** "3 contacts in common: Tom, Ann, …", or nothing. */
export function inCommon(contact: Contact): string {
  const names = contact.common_contacts.slice(0, 3).map((one) => one.name);
  if (contact.common === 0) return "";
  const more = contact.common > names.length ? [...names, "…"] : names;
  return names.length
    ? t.commonNames(contact.common, more.join(locale.tag.startsWith("zh") ? "、" : ", "))
    : t.common(contact.common);
}

/** Keeps the list and the tab's count up to date. Runs inside an effect. */
export function startContacts(): () => void {
  void contacts.reload();
  $effect(() => {
    // Strangers wait without a number that asks to be looked at.
    counts.requests = (contacts.data ?? []).filter(
      (one) => one.state === "incoming" && one.common > 0,
    ).length;
  });
  const stops = [
    events.on("contact", (event) => contacts.put(event.contact)),
    events.on("presence", (event) => {
      const contact = contacts.find(event.account);
      if (contact) contacts.put({ ...contact, online: event.online, last_seen: Date.now() });
    }),
    events.on("profile", () => void contacts.reload()),
    events.onResync(() => void contacts.reload()),
  ];
  return () => {
    for (const stop of stops) stop();
    contacts.stop();
  };
}
