/** Chapter 1: the new user opens the printed link, chooses a name and a picture, and confirms two of the twelve words. */
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test } from "../lib/lane.ts";
import { look } from "../lib/look.ts";
import { repository } from "../lib/process.ts";

const PICTURE = join(repository, "tests/fixtures/pictures/jasmine-tea.jpg");

async function shownWords(page: Page, label: string): Promise<string[]> {
  const items = await page.getByRole("list", { name: label }).getByRole("listitem").allInnerTexts();
  return items.map((item) => item.replace(/^\s*\d+\s*/, "").trim());
}

test("the new user gets an account and keeps its words", async ({ lane: { mei } }) => {
  const { page } = mei;
  await page.goto(mei.node.printedLink);
  await expect(page.getByRole("heading", { name: "Welcome to the hutong" })).toBeVisible();
  expect(page.url(), "the token is gone from the address bar").not.toContain("token");
  await look(page, "1-welcome");

  await page.getByRole("button", { name: "Start new" }).click();
  await page.getByRole("textbox", { name: "Your name" }).fill("Mei");
  await page.locator("input[type=file]").setInputFiles(PICTURE);
  await expect(page.getByRole("button", { name: "Remove picture" })).toBeVisible();
  await look(page, "1-who");
  await page.getByRole("button", { name: "Create my account" }).click();

  await expect(page.getByRole("heading", { name: "Your recovery phrase" })).toBeVisible();
  await page.getByRole("button", { name: "Show the words" }).click();
  const words = await shownWords(page, "Recovery phrase");
  expect(words).toHaveLength(12);
  for (const word of words) expect(word).toMatch(/^\S{2,}$/);
  await look(page, "1-phrase");
  await page.getByRole("button", { name: "I have written them down" }).click();

  const asked = await page.getByLabel(/^Word \d+$/).all();
  expect(asked).toHaveLength(2);
  for (const field of asked) await field.fill("wrong");
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByText("That is not this word.").first()).toBeVisible();
  await look(page, "1-confirm");
  for (const label of await page.getByText(/^Word \d+$/).allInnerTexts()) {
    await page.getByLabel(label, { exact: true }).fill(words[Number(label.replace(/\D/g, "")) - 1] ?? "");
  }
  await page.getByRole("button", { name: "Confirm" }).click();
  await expect(page.getByRole("heading", { name: "You're in, Mei" })).toBeVisible();
  await look(page, "1-done");
  await page.getByRole("button", { name: "Go to my chats" }).click();
  await expect(page.getByText("No chats yet")).toBeVisible();
  await look(page, "1-no-chats");

  const account = await mei.node.api<{ phrase_confirmed: boolean; picture: string | null }>("GET", "/account");
  expect(account.phrase_confirmed).toBe(true);
  expect(account.picture).not.toBeNull();
  const devices = await mei.node.api<{ this_device: boolean }[]>("GET", "/devices");
  expect(devices.filter((device) => device.this_device)).toHaveLength(1);
});

test("the login link works once, the session goes on", async ({ lane: { mei }, browser }) => {
  await mei.go("/chats");
  await expect(mei.page.getByText("No chats yet")).toBeVisible();
  const other = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 800 } });
  const page = await other.newPage();
  await page.goto(mei.node.printedLink);
  await expect(page.getByRole("heading", { name: "Open your own link" })).toBeVisible();
  await look(page, "1-used-link");
  await other.close();
});

test("the shopkeeper arrives in Chinese, the neighbour leaves the words for later", async ({ lane: { tom, lan } }) => {
  const page = await lan.chinese();
  await expect(page.getByRole("heading", { name: "欢迎来到胡同" })).toBeVisible();
  await look(page, "1-welcome", "zh");
  await page.getByRole("button", { name: "新建账号" }).click();
  await page.getByRole("textbox", { name: "你的名字" }).fill("兰姐菜园 Lan's Garden");
  await look(page, "1-who", "zh");
  await page.getByRole("button", { name: "创建账号" }).click();
  await page.getByRole("button", { name: "显示单词" }).click();
  const words = await shownWords(page, "恢复短语");
  expect(words).toHaveLength(12);
  await look(page, "1-phrase", "zh");
  await page.getByRole("button", { name: "我已经抄好了" }).click();
  await expect(page.getByRole("heading", { name: "确认两个单词" })).toBeVisible();
  await look(page, "1-confirm", "zh");
  for (const field of await page.getByRole("textbox").all()) {
    const label = await field.evaluate((input: HTMLInputElement) => input.labels?.[0]?.innerText ?? "");
    await field.fill(words[Number(label.replace(/\D/g, "")) - 1] ?? "");
  }
  await page.locator("form").getByRole("button").first().click();
  await expect(page.getByRole("heading", { name: /兰姐菜园/ })).toBeVisible();
  await look(page, "1-done", "zh");
  await lan.page.goto(await lan.node.link());
  await expect(lan.page.getByText("No chats yet")).toBeVisible();

  await tom.page.goto(tom.node.printedLink);
  await tom.page.getByRole("button", { name: "Start new" }).click();
  await tom.page.getByRole("textbox", { name: "Your name" }).fill("Tom");
  await tom.page.getByRole("button", { name: "Create my account" }).click();
  await tom.page.getByRole("button", { name: "Later" }).click();
  await tom.page.getByRole("button", { name: "Go to my chats" }).click();
  await expect(tom.page.getByText("No chats yet")).toBeVisible();
});
