import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiError, api, aborted, onStatus, url } from "./api";

const answer = (status: number, body: string): void => {
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(status === 204 ? null : body, { status })));
};
const failure = async (work: Promise<unknown>): Promise<ApiError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("it succeeded");
};

afterEach(() => vi.unstubAllGlobals());

describe("api", () => {
  it("passes on the node's problem with code, sentence and field", async () => {
    answer(400, JSON.stringify({ code: "name_missing", message: "Choose a name.", field: "name" }));
    const error = await failure(api.post("/account", {}));
    expect(error).toMatchObject({
      code: "name_missing",
      message: "Choose a name.",
      field: "name",
      status: 400,
    });
    expect(error.offline).toBe(false);
  });

  it("makes an error of an answer that is not the node's", async () => {
    answer(502, "<html>Bad gateway</html>");
    expect(await failure(api.get("/chats"))).toMatchObject({ code: "http_502", status: 502 });
  });

  it("tells a node that does not answer from one that refuses", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    const heard: number[] = [];
    const stop = onStatus((status) => heard.push(status));
    const error = await failure(api.get("/chats"));
    stop();
    expect(error.offline).toBe(true);
    expect(heard).toEqual([0]);
  });

  it("lets a cancelled request be told from a failed one", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new DOMException("stopped", "AbortError")));
    await expect(api.get("/chats")).rejects.toSatisfy(aborted);
  });

  it("takes an empty answer", async () => {
    answer(204, "");
    expect(await api.del("/contacts/x")).toBeUndefined();
  });

  it("sends unsafe methods as JSON, also without a body", async () => {
    const calls: RequestInit[] = [];
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      calls.push(init);
      return Promise.resolve(new Response(null, { status: 204 }));
    });
    await api.post("/groups/x/leave");
    expect(calls[0]).toMatchObject({ method: "POST", body: "{}" });
    expect(new Headers(calls[0]?.headers).get("content-type")).toBe("application/json");
  });

  it("leaves absent query parameters out", () => {
    expect(url("/search", { q: "tea & cake", limit: 5, kinds: null, after: undefined })).toBe(
      "/api/search?q=tea+%26+cake&limit=5",
    );
  });
});
