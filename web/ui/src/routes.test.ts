import { describe, expect, it } from "vitest";
import { matchPath } from "$lib/path";
import { routes } from "./routes";

const first = (path: string): string | undefined => routes.find((route) => matchPath(route.path, path))?.path;

describe("routes", () => {
  it("reach fixed addresses before ones with parameters", () => {
    expect(first("/contacts/add")).toBe("/contacts/add");
    expect(first("/groups/new")).toBe("/groups/new");
    expect(first("/market/search")).toBe("/market/search");
    expect(first("/contacts/abc")).toBe("/contacts/:account");
  });
  it("each lead to something", () => {
    for (const route of routes) expect(route.page ?? route.list, route.path).toBeDefined();
  });
});
