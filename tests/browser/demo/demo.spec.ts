/** `hutong demo`: the neighbourhood lives. */
import { type Page, expect, test } from "@playwright/test";
import { accessible, look } from "../lib/look.ts";
import { Running } from "../lib/process.ts";

let demo: Running;

test.beforeAll(async () => {
  test.setTimeout(180_000);
  demo = await Running.start("demo", ["demo", "--json"], (line) => line["event"] === "ready");
});

test.afterAll(async () => {
  expect(await demo.interrupt(), "it ends well on Ctrl-C").toBe(0);
});

async function go(page: Page, path: string): Promise<void> {
  await page.goto(new URL(path, page.url()).href);
}

test("somebody who tries it finds neighbours, a deal, a shop that ships", async ({ browser }) => {
  const context = await browser.newContext({
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  await page.goto(String(demo.ready["url"]));
  await expect(page.getByRole("link", { name: /Hutong 12/ }).first()).toBeVisible();
  await look(page, "8-demo-chats");

  // A neighbour answers.
  await page.getByRole("link", { name: /李梅 Mei/ }).first().click();
  const log = page.getByRole("log");
  await expect(log.getByText("Welcome! I'm Mei from next door")).toBeVisible();
  const before = await log.locator("article:not(.mine)").count();
  const box = page.getByRole("textbox", { name: "Write a message" });
  await box.fill("Hello! I have just moved in");
  await box.press("Enter");
  await expect(log.locator("article.mine").last()).toContainText("Read");
  await expect.poll(() => log.locator("article:not(.mine)").count()).toBeGreaterThan(before);
  await look(page, "8-demo-chat");

  // A deal in the group leads to the goods.
  await go(page, "/chats");
  await page.getByRole("link", { name: /Hutong 12/ }).first().click();
  const card = log.locator("a.card-link.listing").first();
  await expect(card).toBeVisible();
  await expect.poll(() => card.locator("img").evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0);
  await look(page, "8-demo-group");
  await go(page, "/market");
  await expect(page.getByRole("list", { name: "Goods" }).getByRole("listitem").first()).toBeVisible();
  await look(page, "8-demo-market");

  // The shop quotes, packs and ships by itself.
  await go(page, "/chats");
  await page.getByRole("link", { name: /Hutong 12/ }).first().click();
  await card.click();
  await page.getByRole("button", { name: "Buy now" }).first().click();
  await page.getByRole("radio", { name: "Pay on delivery" }).check();
  await page.getByRole("checkbox", { name: /Accept the quote automatically/ }).check();
  await accessible(page, "the demonstration's checkout");
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByRole("heading", { name: /^Order at/ })).toBeVisible();
  await expect(page.getByText(/^(SF Express|顺丰速运 SF Express) /).or(page.getByText("On the way")).first()).toBeVisible({
    timeout: 120_000,
  });
  await look(page, "8-demo-order");
  await context.close();
});
