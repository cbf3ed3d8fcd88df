/** The node keeps the settings; this browser remembers language and theme so that the first paint is right. */
import { api } from "./api";
import { locale, preferred, setLanguage } from "./i18n/index.svelte";
import type { Settings } from "./types";

const KEY = "hutong.look";
type Look = Pick<Settings, "language" | "theme">;

class CurrentSettings {
  value = $state.raw<Settings>({
    language: "auto",
    theme: "auto",
    read_receipts: true,
    mdns: true,
    share_presence: false,
    auto_fetch_bytes: 0,
  });

  /** Applies what this browser remembers, before the node has answered. */
  async early(): Promise<void> {
    let look: Partial<Look> = {};
    try {
      look = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Look>;
    } catch {
      // Storage is off or broken: the browser's own preferences do.
    }
    this.value = { ...this.value, ...look };
    await this.#apply();
  }

  async load(): Promise<void> {
    this.value = await api.get<Settings>("/settings");
    await this.#apply();
  }

  /** Changes some settings at once on the screen, then on the node; puts them back when that fails. */
  async change(part: Partial<Settings>): Promise<void> {
    const before = this.value;
    this.value = { ...before, ...part };
    await this.#apply();
    try {
      this.value = await api.put<Settings>("/settings", this.value);
    } catch (error) {
      this.value = before;
      await this.#apply();
      throw error;
    }
  }

  /** Changes only how this browser looks, for when there is no account to keep settings for yet. */
  async look(part: Partial<Look>): Promise<void> {
    this.value = { ...this.value, ...part };
    await this.#apply();
  }

  async #apply(): Promise<void> {
    const { language, theme } = this.value;
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    try {
      localStorage.setItem(KEY, JSON.stringify({ language, theme }));
    } catch {
      // Private windows may refuse; then the next start asks the node.
    }
    const wanted = language === "auto" ? preferred(navigator.languages) : language;
    if (wanted !== locale.language || document.documentElement.lang !== locale.tag) await setLanguage(wanted);
  }
}

export const settings = new CurrentSettings();
