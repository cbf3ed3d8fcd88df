import { describe, expect, it } from "vitest";
import { matchPath } from "./path";

describe("matchPath", () => {
  it("reads parameters and decodes them", () => {
    expect(matchPath("/store/:account/:listing", "/store/abc/red%20tea%2Fpot")).toEqual({
      account: "abc",
      listing: "red tea/pot",
    });
  });
  it("ignores a trailing slash", () => {
    expect(matchPath("/chats", "/chats/")).toEqual({});
  });
  it("wants every segment", () => {
    expect(matchPath("/chats/:chat", "/chats")).toBeNull();
    expect(matchPath("/chats", "/chats/one")).toBeNull();
    expect(matchPath("/chats/:chat", "/contacts/one")).toBeNull();
  });
  it("does not throw on a stray percent sign", () => {
    expect(matchPath("/chats/:chat", "/chats/%zz")).toBeNull();
  });
});
