/** What a screen must be in every shape: free of accessibility findings, within its width, and photographed. */
import { AxeBuilder } from "@axe-core/playwright";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Page, expect } from "@playwright/test";
import { results } from "./process.ts";

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };
const SHOTS = join(results, "screens");

/**
 * Looks at the screen as it stands: both sizes, light and dark. A picture of each goes to `results/screens`, and nothing
 * may stick out of its side. Axe, which takes the longest, judges the phone in light and the desktop in dark.
 */
export async function look(page: Page, name: string, language: "en" | "zh" = "en"): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const size of [PHONE, DESKTOP]) {
      await page.setViewportSize(size);
      await settled(page);
      await page.screenshot({ path: join(SHOTS, `${name}-${size.width}-${colorScheme}-${language}.png`) });
      expect(await sticksOut(page), `${name} is wider than its ${size.width} px`).toEqual([]);
      if ((size === PHONE) === (colorScheme === "light")) {
        await accessible(page, `${name} (${colorScheme}, ${size.width}, ${language})`);
      }
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize(DESKTOP);
}

/** What scrolls down must not also scroll sideways; a wide table does so in a frame of its own, which has a name. */
async function sticksOut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const wide = (element: Element): boolean => element.scrollWidth - element.clientWidth > 1;
    const scrolls = [...document.querySelectorAll("body *")].filter((element) => {
      if (element.matches("textarea, [role=region], pre")) return false;
      return /auto|scroll/.test(getComputedStyle(element).overflowY) && element.scrollHeight > element.clientHeight;
    });
    const found = [document.documentElement, ...scrolls].filter(wide);
    return found.map((element) => `${element.tagName.toLowerCase()}.${element.className}`);
  });
}

/** Axe finds nothing. */
export async function accessible(page: Page, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, help, nodes }) => ({
    id,
    help,
    where: nodes.map((node) => `${node.target.join(" ")}: ${node.html.slice(0, 160)}`),
  }));
  expect(found, `axe on ${name}`).toEqual([]);
}

/** Fonts and visible pictures are there, nothing is loading, and two frames have been drawn. */
async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const visible = (element: Element): boolean => {
      const box = element.getBoundingClientRect();
      return box.width > 0 && box.bottom > 0 && box.top < window.innerHeight;
    };
    const pictures = [...document.images].filter(visible).every((image) => image.complete);
    const busy = [...document.querySelectorAll("[aria-busy=true], .skeleton")].some(visible);
    return pictures && !busy && document.fonts.status === "loaded";
  });
  await page.evaluate(
    () => new Promise<void>((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))),
  );
}
