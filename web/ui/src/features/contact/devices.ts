/** What has changed among somebody's devices since a person looked, and what they have seen. */
import { DAY } from "$lib/time";
import type { ContactDevice, Ms } from "$lib/types";

/** So long a new device is worth a notice when nothing is known of what was seen, in ms. */
const NEW_MS = 7 * DAY;
const key = (account: string): string => `hutong.devices.${account}`;
const mark = (device: ContactDevice): string => `${device.revoked ? "-" : "+"}${device.device}`;

export interface Changes {
  added: ContactDevice[];
  revoked: ContactDevice[];
}

/**
 * What is new, the oldest first. `seen` holds the marks of what was there at the last look, or is null before the first;
 * then what was added in the last days counts, beside the device that the account began with, and all that is revoked.
 */
export function changes(devices: ContactDevice[], seen: ReadonlySet<string> | null, now: Ms): Changes {
  const first = devices[0]?.device;
  const isKnown = (device: ContactDevice): boolean => seen?.has(mark({ ...device, revoked: false })) ?? false;
  const isNew = (device: ContactDevice): boolean =>
    seen === null ? device.device !== first && now - device.added_at < NEW_MS : !isKnown(device);
  return {
    added: devices.filter((device) => !device.revoked && isNew(device)),
    revoked: devices.filter((device) => device.revoked && !seen?.has(mark(device))),
  };
}

/** What a person has seen of somebody's devices, on this browser; null before the first time. */
export function seen(account: string): ReadonlySet<string> | null {
  try {
    const stored = localStorage.getItem(key(account));
    return stored === null ? null : new Set(JSON.parse(stored) as string[]);
  } catch {
    return null; // storage is off or broken: the last days count
  }
}

/** From now on these are known. */
export function setSeen(account: string, devices: ContactDevice[]): void {
  try {
    localStorage.setItem(key(account), JSON.stringify(devices.map(mark)));
  } catch {
    // Private windows may refuse; then the notice comes again.
  }
}
