/** Chapter 3: a public group by link, and a late third member. */
import { expect, openChat, openLink, say, test, texts } from "../lib/lane.ts";
import { look } from "../lib/look.ts";

test("both join a group, and a late third member gets its history", async ({ lane: { mei, tom, lan } }) => {
  await mei.go("/groups/new");
  await mei.page.getByRole("textbox", { name: "Group name" }).fill("Courtyard market 院子市场");
  await mei.page.getByLabel(/What it is about/).fill("What is fresh, what is on offer");
  await mei.page.getByRole("radio", { name: "Public" }).check();
  await mei.page.getByRole("button", { name: "Create the group" }).click();
  await mei.page.getByRole("link", { name: "Invite" }).click();
  const uri = await mei.page.getByRole("textbox", { name: "Invite link" }).inputValue();
  expect(uri).toMatch(/^hutong:group\//);
  await look(mei.page, "3-invite");

  await openLink(tom, uri);
  await tom.page.getByRole("dialog").getByRole("button", { name: "Join the group" }).click();
  await expect(tom.page.getByRole("log")).toBeVisible();
  await openChat(mei, "Courtyard market");
  const said = ["Who has eggs? 谁家有鸡蛋？", "The shop at the corner does", "兰姐家的最好", "I'll ask her to join"];
  for (const [at, text] of said.entries()) {
    const [speaker, other] = at % 2 === 0 ? [mei, tom] : [tom, mei];
    await say(speaker, text);
    await expect(other.page.getByRole("log").getByText(text)).toBeVisible();
  }

  await openLink(lan, uri);
  await lan.page.getByRole("dialog").getByRole("button", { name: "Join the group" }).click();
  for (const text of said) await expect(lan.page.getByRole("log").getByText(text)).toBeVisible();
  expect(await texts(lan, said)).toEqual(said);
  await say(lan, "来了，大家好！Hello all");
  for (const one of [mei, tom]) {
    await expect(one.page.getByRole("log").getByText("Hello all")).toBeVisible();
    expect(await texts(one, said)).toEqual(said);
  }
});
