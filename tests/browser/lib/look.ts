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
 * Looks at the screen as it stands: both sizes, light and dark. A picture of each goes to `results/screens`; axe judges
 * the phone in light and the desktop in dark, and nothing may stick out of a phone's side.
 */
export async function look(page: Page, name: string, language: "en" | "zh" = "en"): Promise<void> {
  mkdirSync(SHOTS, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    for (const size of [PHONE, DESKTOP]) {
      await page.setViewportSize(size);
      await settled(page);
      await page.screenshot({ path: join(SHOTS, `${name}-${size.width}-${colorScheme}-${language}.png`) });
      if (size === PHONE) {
        const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(over, `${name} is wider than a phone`).toBeLessThanOrEqual(0);
      }
      if ((size === PHONE) === (colorScheme === "light")) await accessible(page, `${name} (${colorScheme}, ${size.width})`);
    }
  }
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize(DESKTOP);
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
