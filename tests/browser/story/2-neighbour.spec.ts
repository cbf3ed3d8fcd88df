/** Chapter 2: the neighbour by an invite link; a live chat with true states; a node stops, and nothing is lost. */
import { expect, openChat, openLink, say, test, texts } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

test("an invite link makes them contacts", async ({ lane: { mei, tom } }) => {
  await mei.go("/contacts/add");
  await mei.page.getByRole("tab", { name: "My code" }).click();
  await expect(mei.page.getByRole("img", { name: "QR code" })).toBeVisible();
  await look(mei.page, "2-my-code");
  const uri = await mei.page.getByRole("textbox", { name: "My code" }).inputValue();
  expect(uri).toMatch(/^hutong:contact\//);

  await openLink(tom, uri);
  const dialog = tom.page.getByRole("dialog");
  await dialog.getByLabel(/A sentence/).fill("Hi, it's Tom from number 12");
  await look(tom.page, "2-open-link");
  await dialog.getByRole("button", { name: "Send request" }).click();

  await mei.go("/contacts/requests");
  const request = mei.page.getByRole("listitem").filter({ hasText: "Hi, it's Tom from number 12" });
  await expect(request).toBeVisible();
  await look(mei.page, "2-request");
  await request.getByRole("button", { name: "Accept" }).click();
  await expect(mei.page.getByRole("log")).toBeVisible();
  await tom.go("/contacts");
  await expect(tom.page.getByRole("link", { name: "Mei" }).first()).toBeVisible();
});

test("messages arrive live in both browsers, with true states", async ({ lane: { mei, tom } }) => {
  await openChat(mei, "Tom");
  await say(mei, "Are you at home tonight?");
  const mine = mei.page.locator("article").filter({ hasText: "Are you at home tonight?" });
  // It is on Tom's node, and Tom has not looked.
  await expect(mine).toContainText("Delivered");
  await expect(mine).not.toContainText("Read");
  await openChat(tom, "Mei");
  await expect(tom.page.getByRole("log").getByText("Are you at home tonight?")).toBeVisible();
  await expect(mine).toContainText("Read");

  await say(tom, "在家，七点以后 😀");
  await expect(mei.page.getByRole("log").getByText("在家，七点以后")).toBeVisible();
  await say(mei, "Then I'll bring dumplings");
  await expect(tom.page.getByRole("log").getByText("Then I'll bring dumplings")).toBeVisible();
  const all = ["Are you at home tonight?", "在家，七点以后", "Then I'll bring dumplings"];
  expect(await texts(mei, all)).toEqual(all);
  expect(await texts(tom, all)).toEqual(all);
});

test("what is written while the neighbour's node is stopped arrives once", async ({ lane: { mei, tom } }) => {
  await tom.go("/contacts");
  await expect(tom.page.getByRole("link", { name: "Mei" }).first()).toBeVisible();
  await tom.node.stop();
  await expect(tom.page.getByText("Your node does not answer.").first()).toBeVisible();
  await look(tom.page, "2-node-stopped");

  const queued = ["Ring twice", "The bell is broken", "Or call 打电话也行"];
  for (const text of queued) await say(mei, text);
  const last = mei.page.locator("article").filter({ hasText: "Or call 打电话也行" });
  await expect(last).toContainText("Queued");
  await expect(mei.page.getByRole("button", { name: "Try now" })).toBeVisible();
  await look(mei.page, "2-queued");

  await tom.node.restart();
  await expect(last).toContainText("Delivered");
  await openChat(tom, "Mei");
  await expect(tom.page.getByRole("log").getByText("Or call 打电话也行")).toBeVisible();
  expect(await texts(tom, queued)).toEqual(queued);
  await expect(last).toContainText("Read");
  expect(await texts(mei, queued)).toEqual(queued);
});

test("the writer's own node may stop too: the page keeps what is written", async ({ lane: { mei, tom } }) => {
  await mei.node.kill();
  await expect(mei.page.getByText("Your node does not answer. What you write is kept.")).toBeVisible();
  await say(mei, "Written without a node");
  await expect(mei.page.getByText("Kept here until your node answers")).toBeVisible();
  await mei.node.restart();
  await expect(tom.page.getByRole("log").getByText("Written without a node")).toBeVisible();
  await expect(mei.page.getByText("Kept here until your node answers")).toBeHidden();
  expect(await texts(mei, ["Written without a node"])).toHaveLength(1);
  expect(await texts(tom, ["Written without a node"])).toHaveLength(1);
});
