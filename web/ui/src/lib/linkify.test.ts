import { describe, expect, it } from "vitest";
import { findHutongLink, segments } from "./linkify";

const hrefs = (text: string): string[] =>
  segments(text).flatMap((part) =>
    part.kind === "web" ? [part.href] : part.kind === "hutong" ? [part.uri] : [],
  );
const whole = (text: string): string =>
  segments(text)
    .map((part) => part.text)
    .join("");

const ID = "a".repeat(52);

describe("linkify", () => {
  it.each([
    ["see https://example.org/tea?x=1&y=2:3!", "https://example.org/tea?x=1&y=2:3"],
    ["(https://example.org/a_(b))", "https://example.org/a_(b)"],
    ["www.example.org.", "https://www.example.org/"],
    ["看这里\uff1ahttps://example.org/\u8336\uff0c很好", "https://example.org/%E8%8C%B6"],
    [`add me: hutong:contact/${ID}?n=Mei, thanks`, `hutong:contact/${ID}?n=Mei`],
    [`hutong:listing/${ID}/red-tea\u3002`, `hutong:listing/${ID}/red-tea`],
  ])("finds the link in %j", (text, href) => {
    expect(hrefs(text)).toEqual([href]);
    expect(whole(text)).toBe(text);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://user:secret@example.org/",
    "http://localhost",
    "hutong:wallet/abc",
    "nothing here",
    "",
  ])("makes no link of %j", (text) => {
    expect(hrefs(text)).toEqual([]);
    expect(whole(text)).toBe(text);
  });

  it("keeps markup as text", () => {
    const text = '<img src=x onerror="alert(1)"> https://example.org/<b>';
    expect(hrefs(text)).toEqual(["https://example.org/"]);
    expect(whole(text)).toBe(text);
  });

  it("finds one of our links in what was pasted around it", () => {
    expect(findHutongLink(`  Join us!\nhutong:group/${ID}\n`)).toBe(`hutong:group/${ID}`);
    expect(findHutongLink("https://example.org")).toBeNull();
  });
});
