/**
 * Texts in the user's language.
 *
 * Each feature registers its own pair of message files: `const t = messages(en, () => import("./messages.zh"))`.
 * English is in the same chunk (it is the type and the fallback); other languages load when they are used.
 * A key that is missing in a translation fails the type check.
 */
import { plurals } from "./plural";

export type Language = "en" | "zh";
export const LANGUAGES: { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "zh", name: "简体中文" },
];

/** Which texts a browser's preference list asks for. */
export function preferred(languages: readonly string[]): Language {
  for (const tag of languages) {
    if (/^zh\b/i.test(tag)) return "zh";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

class Locale {
  language = $state<Language>(
    typeof navigator === "undefined" ? "en" : preferred(navigator.languages ?? [navigator.language]),
  );

  /** The tag for `Intl`. English keeps the reader's own region (dates in Sydney are not dates in New York). */
  get tag(): string {
    if (this.language === "zh") return "zh-CN";
    const own = typeof navigator === "undefined" ? "en" : navigator.language;
    return /^en\b/i.test(own) ? own : "en";
  }
}

export const locale = new Locale();

type Loader<M> = () => Promise<{ default: M }>;
interface Pack {
  load(language: Language): Promise<void>;
}
const packs: Pack[] = [];
const pending = new Set<Promise<void>>();

/** Registers one feature's texts and returns them, always in the current language. */
export function messages<M extends object>(en: M, zh: Loader<M>): M {
  let now = $state.raw<M>(en);
  const pack: Pack = {
    async load(language) {
      const loaded = language === "zh" ? (await zh()).default : en;
      if (language === locale.language) now = loaded;
    },
  };
  packs.push(pack);
  wait(pack.load(locale.language));
  // Reading through a proxy makes each text a reactive read of the language's pack.
  return new Proxy(en, { get: (_, key) => now[key as keyof M] });
}

function wait(promise: Promise<void>): void {
  // A text that fails to load leaves English in place, which is better than nothing.
  const settled = promise.catch(() => undefined).finally(() => pending.delete(settled));
  pending.add(settled);
}

/** Resolves when the texts of everything loaded so far are there. */
export async function textsReady(): Promise<void> {
  while (pending.size > 0) await Promise.all(pending);
}

/** Changes the language everywhere. */
export async function setLanguage(language: Language): Promise<void> {
  locale.language = language;
  for (const pack of packs) wait(pack.load(language));
  await textsReady();
  document.documentElement.lang = locale.tag;
}

export { plurals };
