/** Three people of one lane, each with a node and a browser of their own, for the whole story. */
import { type Browser, type BrowserContext, type Page, test as base, expect } from "@playwright/test";
import { look } from "./look.ts";
import { HutongNode } from "./node.ts";

/** What a page says when its node is stopped on purpose. */
const EXPECTED = /Failed to load resource|WebSocket connection|net::ERR_/;

export class Resident {
  /** What went wrong in the page: scripts, the content security policy. */
  readonly complaints: string[] = [];
  #chinese: Page | null = null;

  private constructor(
    readonly node: HutongNode,
    readonly page: Page,
    private readonly browser: Browser,
    private readonly contexts: BrowserContext[],
  ) {}

  static async arrive(browser: Browser, name: string): Promise<Resident> {
    const node = await HutongNode.start(name);
    const context = await profile(browser, "en-GB", node.origin);
    const resident = new Resident(node, await context.newPage(), browser, [context]);
    resident.#listen(resident.page);
    return resident;
  }

  /** The same node in another browser, in Chinese. */
  async chinese(): Promise<Page> {
    if (this.#chinese === null) {
      const context = await profile(this.browser, "zh-CN", this.node.origin);
      this.contexts.push(context);
      this.#chinese = await context.newPage();
      this.#listen(this.#chinese);
      // Logged in, or what is looked at afterwards would be the page that asks for a link.
      const loggedIn = this.#chinese.waitForResponse(
        (response) => response.url().endsWith("/api/session") && response.request().method() === "POST" && response.ok(),
      );
      await this.#chinese.goto(await this.node.link());
      await loggedIn;
    }
    return this.#chinese;
  }

  /** Goes to an address of the app. */
  async go(path: string): Promise<void> {
    await this.page.goto(this.node.origin + path);
  }

  /** Looks at a screen that has an address, in English and in Chinese. */
  async lookAt(path: string, name: string, ready?: (page: Page) => Promise<void>): Promise<void> {
    await this.go(path);
    await ready?.(this.page);
    await look(this.page, name);
    const chinese = await this.chinese();
    await chinese.goto(this.node.origin + path);
    await ready?.(chinese);
    await look(chinese, name, "zh");
  }

  async leave(): Promise<void> {
    for (const context of this.contexts) await context.close();
    await this.node.dispose();
  }

  #listen(page: Page): void {
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) this.complaints.push(message.text());
    });
  }
}

async function profile(browser: Browser, locale: string, origin: string): Promise<BrowserContext> {
  const context = await browser.newContext({ locale, viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  return context;
}

export interface Lane {
  /** The new user. */
  mei: Resident;
  /** The neighbour. */
  tom: Resident;
  /** The shop. */
  lan: Resident;
}

/** The lane lives as long as the worker, so through all chapters. */
export const test = base.extend<{ quiet: void }, { lane: Lane }>({
  lane: [
    async ({ browser }, use) => {
      const [mei, tom, lan] = await Promise.all([
        Resident.arrive(browser, "mei"),
        Resident.arrive(browser, "tom"),
        Resident.arrive(browser, "lan"),
      ]);
      await use({ mei, tom, lan });
      await Promise.all([mei.leave(), tom.leave(), lan.leave()]);
    },
    { scope: "worker", timeout: 180_000 },
  ],
  // After each chapter: no page has complained.
  quiet: [
    async ({ lane }, use) => {
      await use();
      for (const resident of Object.values(lane) as Resident[]) expect(resident.complaints).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/** Opens a link that somebody sent, by pasting it. The dialog says what it is. */
export async function openLink(resident: Resident, uri: string): Promise<void> {
  await resident.go("/contacts/add");
  await resident.page.getByRole("textbox", { name: "Link" }).fill(uri);
  await resident.page.getByRole("button", { name: "Open", exact: true }).click();
}

/** Opens a chat from the list by its title. */
export async function openChat(resident: Resident, title: string): Promise<void> {
  await resident.go("/chats");
  await resident.page.getByRole("link", { name: title }).first().click();
  await expect(resident.page.getByRole("log")).toBeVisible();
}

/** Writes into the open chat. */
export async function say(resident: Resident, text: string): Promise<void> {
  const box = resident.page.getByRole("textbox", { name: "Write a message" });
  await box.fill(text);
  await box.press("Enter");
  await expect(box).toHaveValue("");
}

/** The texts of the open chat, in their order on the screen. */
export async function texts(resident: Resident, among: string[]): Promise<string[]> {
  const all = await resident.page.getByRole("log").locator("article").allInnerTexts();
  return all.flatMap((text) => among.filter((one) => text.includes(one)));
}
