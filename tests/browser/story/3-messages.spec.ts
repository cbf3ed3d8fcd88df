/** Chapter 3, later: what can be done with a message, between two nodes and with the keyboard alone. */
import type { Locator, Page } from "@playwright/test";
import { type Resident, expect, openChat, say, test } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

const message = (one: Resident, text: string | RegExp): Locator => one.page.locator("article").filter({ hasText: text });

/** Opens the menu of a message with the right button. */
async function menuOf(one: Resident, text: string): Promise<Locator> {
  await message(one, text).getByText(text).first().click({ button: "right" });
  const menu = one.page.getByRole("menu", { name: "Message options" });
  await expect(menu).toBeVisible();
  return menu;
}

async function choose(one: Resident, text: string, item: string): Promise<void> {
  await (await menuOf(one, text)).getByRole("menuitem", { name: item, exact: true }).click();
}

/** What has the focus, in words. */
const focused = (page: Page): Promise<string> =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");

test("a reaction is put, seen by the other, and taken away", async ({ lane: { mei, tom } }) => {
  await openChat(mei, "Tom");
  await openChat(tom, "Mei");
  await say(mei, "Dumplings tonight? 今晚吃饺子吗");
  await expect(tom.page.getByRole("log").getByText("Dumplings tonight?")).toBeVisible();

  await (await menuOf(tom, "Dumplings tonight?")).getByRole("menuitemcheckbox", { name: "👍" }).click();
  await expect(message(tom, "Dumplings tonight?").getByRole("button", { name: "👍 You" })).toBeVisible();
  const chip = message(mei, "Dumplings tonight?").getByRole("button", { name: /👍/ });
  await expect(chip).toHaveAccessibleName("👍 Tom");
  await chip.click();
  await expect(chip).toHaveAccessibleName("👍 You and Tom");
  await expect(message(tom, "Dumplings tonight?").getByRole("button", { name: "👍 You and Mei" })).toBeVisible();

  await choose(tom, "Dumplings tonight?", "More emoji");
  await tom.page.getByRole("dialog").getByRole("button", { name: "🥟" }).click();
  await expect(message(mei, "Dumplings tonight?").getByRole("button", { name: "🥟 Tom" })).toBeVisible();
  await look(mei.page, "3-reactions");
  await menuOf(mei, "Dumplings tonight?");
  await look(mei.page, "3-message-menu");
  await mei.page.keyboard.press("Escape");

  await chip.click();
  await expect(chip).toHaveAccessibleName("👍 Tom");
  await message(tom, "Dumplings tonight?").getByRole("button", { name: "👍 You" }).click();
  await expect(chip).toBeHidden();
});

test("words are mended, and both read the new ones", async ({ lane: { mei, tom } }) => {
  await say(mei, "I come at seven");
  await expect(tom.page.getByRole("log").getByText("I come at seven")).toBeVisible();
  await choose(mei, "I come at seven", "Edit");
  const box = mei.page.getByRole("textbox", { name: "Write a message" });
  await expect(box).toHaveValue("I come at seven");
  await box.fill("I come at eight");
  await look(mei.page, "3-editing");
  await box.press("Enter");
  await expect(box).toHaveValue("");
  for (const one of [mei, tom]) {
    await expect(message(one, "I come at eight")).toContainText("edited");
    await expect(one.page.getByRole("log").getByText("I come at seven")).toBeHidden();
  }
  // Nobody changes another's words.
  await expect((await menuOf(tom, "I come at eight")).getByRole("menuitem", { name: "Edit" })).toHaveCount(0);
  await tom.page.keyboard.press("Escape");
});

test("a recalled sentence is gone from both, and a line says so", async ({ lane: { mei, tom } }) => {
  await say(mei, "The key is under the mat");
  await expect(tom.page.getByRole("log").getByText("The key is under the mat")).toBeVisible();
  await message(tom, "The key is under the mat").hover();
  await tom.page.getByRole("button", { name: "Reply to Mei" }).last().click();
  await say(tom, "Thank you!");
  await expect(mei.page.getByRole("log").getByText("Thank you!")).toBeVisible();

  await choose(mei, "The key is under the mat", "Recall");
  await expect(mei.page.getByRole("log").getByText("You recalled a message")).toBeVisible();
  await expect(tom.page.getByRole("log").getByText("Mei recalled a message")).toBeVisible();
  for (const one of [mei, tom]) {
    await expect(one.page.getByRole("main").getByText("The key is under the mat")).toHaveCount(0);
    await expect(message(one, "Thank you!")).toContainText("This message was taken back");
    const found = await one.node.api<{ sections: unknown[] }>("GET", "/search?q=mat&kinds=message");
    expect(found.sections).toEqual([]);
  }
  await look(tom.page, "3-recalled");
});

test("a message is deleted for everyone, with the keyboard alone", async ({ lane: { mei, tom } }) => {
  await say(tom, "Wrong window, sorry");
  await expect(mei.page.getByRole("log").getByText("Wrong window, sorry")).toBeVisible();
  const options = message(tom, "Wrong window, sorry").getByRole("button", { name: "Options for the message of You" });
  await options.focus();
  await tom.page.keyboard.press("Enter");
  await expect(tom.page.getByRole("menu", { name: "Message options" })).toBeVisible();
  await tom.page.keyboard.press("End");
  expect(await focused(tom.page)).toContain("Delete");
  await tom.page.keyboard.press("Enter");
  const dialog = tom.page.getByRole("dialog", { name: "Delete this message?" });
  await look(tom.page, "3-delete");
  await dialog.getByRole("button", { name: "Delete for everyone" }).press("Enter");
  await expect(tom.page.getByRole("log").getByText("You deleted a message")).toBeVisible();
  await expect(mei.page.getByRole("log").getByText("Tom deleted a message")).toBeVisible();
  await mei.go("/chats");
  await expect(mei.page.getByRole("link", { name: "Tom" }).first()).toContainText("Tom deleted a message");
});

test("a message is forwarded, and searched in its chat", async ({ lane: { mei, tom } }) => {
  await openChat(mei, "Tom");
  await choose(mei, "I come at eight", "Forward");
  const dialog = mei.page.getByRole("dialog", { name: "Forward to…" });
  await dialog.getByRole("checkbox", { name: "Courtyard market" }).check();
  await look(mei.page, "3-forward");
  await dialog.getByRole("button", { name: "Send to 1 chat" }).click();
  await openChat(tom, "Courtyard market");
  await expect(message(tom, "I come at eight")).toContainText("Forwarded");

  await choose(mei, "I come at eight", "Details");
  const details = mei.page.getByRole("dialog", { name: "Message details" });
  await expect(details).toContainText("Delivered");
  await look(mei.page, "3-details");
  await details.getByRole("button", { name: "Close" }).click();

  await mei.page.getByRole("button", { name: "Chat options" }).click();
  await mei.page.getByRole("menuitem", { name: "Search in this chat" }).click();
  const find = mei.page.getByRole("dialog", { name: "Search in this chat" });
  await find.getByRole("searchbox", { name: "Words" }).fill("DUMPLINGS tonight");
  await expect(find.getByRole("button", { name: /Dumplings tonight/ })).toBeVisible();
  await look(mei.page, "3-find");
  await find.getByRole("button", { name: /Dumplings tonight/ }).click();
  await expect(find).toBeHidden();
  await expect(mei.page.getByRole("log").getByText("Dumplings tonight?")).toBeInViewport();
});

test("a member is named, and sees it in the list", async ({ lane: { mei, tom } }) => {
  await tom.go("/contacts");
  await openChat(mei, "Courtyard market");
  const box = mei.page.getByRole("textbox", { name: "Write a message" });
  await box.pressSequentially("@to");
  await expect(mei.page.getByRole("option", { name: "Tom" })).toBeVisible();
  await look(mei.page, "3-name");
  await box.press("Enter");
  await expect(box).toHaveValue("@Tom ");
  await box.pressSequentially("have you eggs?");
  await box.press("Enter");
  await expect(message(mei, "have you eggs?").getByRole("link", { name: "@Tom" })).toBeVisible();
  await tom.go("/chats");
  await expect(tom.page.getByRole("link", { name: "Courtyard market" }).first()).toContainText("1 message names you");
  await look(tom.page, "3-named");
});

test("messages disappear after the time that either set, and a draft is seen in every browser", async ({ lane: { mei, tom } }) => {
  const [me, him] = await Promise.all([mei, tom].map((one) => one.node.api<{ account: string }>("GET", "/account")));
  await tom.go(`/chats/direct-${me?.account}`);
  await tom.page.getByRole("button", { name: "Chat options" }).click();
  await tom.page.getByRole("menuitem", { name: "Disappearing messages" }).click();
  await look(tom.page, "3-timer");
  await tom.page.getByRole("radio", { name: "1 day" }).click();
  await expect(tom.page.getByRole("log").getByText("You set messages to disappear after 1 day")).toBeVisible();
  await mei.go(`/chats/direct-${him?.account}`);
  await expect(mei.page.getByRole("log").getByText("Tom set messages to disappear after 1 day")).toBeVisible();
  // A short time, which only programs set, so that the story need not wait a day.
  await tom.node.api("PATCH", `/chats/direct-${me?.account}`, { disappear_ms: 4_000 });
  await expect(mei.page.getByRole("log").getByText("Tom set messages to disappear after 1 minute")).toBeVisible();
  await say(mei, "Burn after reading");
  await expect(tom.page.getByRole("log").getByText("Burn after reading")).toBeVisible();
  for (const one of [mei, tom]) await expect(one.page.getByRole("main").getByText("Burn after reading")).toHaveCount(0);
  await tom.node.api("PATCH", `/chats/direct-${me?.account}`, { disappear_ms: 0 });
  await expect(mei.page.getByRole("log").getByText("Tom turned disappearing messages off")).toBeVisible();

  const box = mei.page.getByRole("textbox", { name: "Write a message" });
  await box.pressSequentially("Half a thou");
  const other = await mei.chinese();
  await other.goto(mei.page.url());
  await expect(other.getByRole("textbox", { name: "输入消息" })).toHaveValue("Half a thou");
  await box.fill("");
});
