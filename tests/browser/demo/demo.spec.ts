/** `hutong demo`: the neighbourhood lives. What somebody finds who tries it for five minutes. */
import { type Locator, type Page, expect, test } from "@playwright/test";
import { accessible, look } from "../lib/look.ts";
import { Running } from "../lib/process.ts";

/** The first deal after the opening comes a minute after it, the next ones are further apart. */
const DEAL_PATIENCE_MS = 180_000;

let demo: Running;
let page: Page;
/** What went wrong in the page: scripts, the content security policy. */
const complaints: string[] = [];

test.beforeAll(async ({ browser }) => {
  test.setTimeout(180_000);
  demo = await Running.start("demo", ["demo", "--json"], (line) => line["event"] === "ready");
  const context = await browser.newContext({
    locale: "en-GB",
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
  });
  page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  await page.goto(String(demo.ready["url"]));
  await expect(page.getByRole("link", { name: /Hutong 12/ }).first()).toBeVisible();
});

test.afterEach(() => expect(complaints, "no page complains").toEqual([]));

test.afterAll(async () => {
  await page.context().close();
  expect(await demo.interrupt(), "it ends well on Ctrl-C").toBe(0);
});

async function go(path: string): Promise<void> {
  await page.goto(new URL(path, page.url()).href);
}

/** Opens a chat of the list; answers its messages. */
async function open(chat: RegExp): Promise<Locator> {
  await go("/chats");
  await page.getByRole("link", { name: chat }).first().click();
  const log = page.getByRole("log");
  await expect(log).toBeVisible();
  return log;
}

/** Says something, and waits for these words below it. */
async function ask(log: Locator, text: string, answer: string): Promise<void> {
  const box = page.getByRole("textbox", { name: "Write a message" });
  await box.fill(text);
  await box.press("Enter");
  const mine = log.locator("article.mine").filter({ hasText: text });
  await expect(mine).toBeVisible();
  const below = mine.locator("xpath=following::article[not(contains(@class, 'mine'))]");
  await expect(below.filter({ hasText: answer }).first()).toBeVisible();
}

test("the neighbours greet, and answer, alone and in the group", async () => {
  await look(page, "8-demo-chats");
  const mei = await open(/^李梅 Mei/);
  await expect(mei.getByText("Welcome! I'm Mei from next door")).toBeVisible();
  await ask(mei, "Hello! I have just moved in", "Settled in yet?");
  await expect(mei.locator("article.mine").last()).toContainText("Read");
  await look(page, "8-demo-chat");
  await ask(await open(/^Tom/), "Thank you for the welcome", "Any time!");
  await ask(await open(/^Hutong 12/), "What should I cook for dinner?", "Dumplings tonight");
});

test("a shop has posted a deal, which leads to the goods", async () => {
  const group = await open(/^Hutong 12/);
  const card = group.locator("a.card-link.listing").filter({ hasText: "strawberries" }).first();
  const picture = card.locator("img");
  await picture.scrollIntoViewIfNeeded();
  await expect.poll(() => picture.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0);
  await look(page, "8-demo-group");
  await go("/market");
  await expect(page.getByRole("list", { name: "Goods" }).getByRole("listitem").first()).toBeVisible();
  await expect(page.getByRole("heading", { name: "Recommended by your contacts" })).toBeVisible();
  await look(page, "8-demo-market");
});

test("what a neighbour bought has a word from her, and the shop answers a question", async () => {
  const group = await open(/^Hutong 12/);
  await group.locator("a.card-link.listing").filter({ hasText: "strawberries" }).first().click();
  const review = page.getByRole("listitem").filter({ hasText: "Even the cat wanted one" });
  await expect(review).toContainText("From your contact");
  await expect(review).toContainText("Verified purchase");
  await page.getByRole("button", { name: "Ask the seller" }).click();
  await page.getByLabel("Your question").fill("How fresh are they?");
  await page.getByRole("dialog").getByRole("button", { name: "Send" }).click();
  await expect(page.getByRole("log").getByText("In this morning, every day.")).toBeVisible();
});

test("an order is quoted, shipped and paid at the door", async () => {
  const group = await open(/^Hutong 12/);
  await group.locator("a.card-link.listing").filter({ hasText: "strawberries" }).first().click();
  await page.getByRole("button", { name: "Buy now" }).first().click();
  await page.getByRole("radio", { name: "Pay on delivery" }).check();
  await page.getByRole("checkbox", { name: /Accept the quote automatically/ }).check();
  await accessible(page, "the demonstration's checkout");
  await page.getByRole("button", { name: "Place order" }).click();
  await expect(page.getByRole("heading", { name: /^Order at/ })).toBeVisible();
  const actions = page.getByRole("group", { name: "What you can do" });
  const received = actions.getByRole("button", { name: "I have received it" });
  await expect(page.getByText(/SF Express SF\d{6,}/).first()).toBeVisible({ timeout: 120_000 });
  await expect(received).toBeVisible();
  await look(page, "8-demo-order");
  await received.click();
  await page.getByRole("dialog").getByRole("button", { name: "I have received it" }).click();
  await expect(page.getByText("Everything is done.").first()).toBeVisible();
});

test("the other shop posts a deal while one looks on", async () => {
  const group = await open(/^Hutong 12/);
  const deal = group.locator("article").filter({ hasText: "Hand-thrown teapots" });
  await expect(deal).toBeVisible({ timeout: DEAL_PATIENCE_MS });
  await expect(deal.getByRole("link", { name: /Stoneware teapot/ })).toBeVisible();
  await deal.scrollIntoViewIfNeeded();
  await look(page, "8-demo-deal");
});
