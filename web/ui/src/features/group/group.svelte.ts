/** One group, kept up to date while a screen shows it. */
import { api, seg } from "$lib/api";
import { events } from "$lib/events.svelte";
import { resource, type Resource } from "$lib/resource.svelte";
import type { Group } from "$lib/types";

/** The group that `id` names now; nothing for null. Call it while a component is being set up. */
export function groupOf(id: () => string): Resource<Group>;
export function groupOf(id: () => string | null): Resource<Group | null>;
export function groupOf(id: () => string | null): Resource<Group | null> {
  const it = resource(id, async (group, signal) =>
    group === null ? null : await api.get<Group>(`/groups/${seg(group)}`, { signal }),
  );
  $effect(() =>
    events.on("group", (event) => {
      if (event.group === id()) void it.reload();
    }),
  );
  return it;
}
