/**
 * The one way from the UI to the node: a small typed client for `/api`.
 *
 * Everything that fails throws an {@link ApiError}, so that a screen needs one `catch` and can always say
 * what to do next.
 */
import type { Blob as StoredBlob, BlobHash, Problem } from "./types";

/** A request that did not succeed: the node's problem, or `offline` when the node did not answer at all. */
export class ApiError extends Error {
  /** Machine-readable reason, such as `not_found`; `offline` when there was no answer. */
  readonly code: string;
  /** The input field at fault, when the node named one. */
  readonly field: string | null;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;

  constructor(code: string, message: string, status: number, field: string | null = null) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.field = field;
  }

  /** Whether the node could not be reached, as opposed to having refused. */
  get offline(): boolean {
    return this.status === 0;
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;
export interface Options {
  query?: Query;
  signal?: AbortSignal;
  /** The same for each repetition of a request, so that a repetition does its work once. */
  key?: string;
}

type Listener = (status: number) => void;
const listeners = new Set<Listener>();

/** Hears the status of every answer (0 = none came). Returns the function that stops it. */
export function onStatus(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Builds an API address; `path` starts with a slash and is already escaped (see {@link seg}). */
export function url(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return `/api${path}${text ? `?${text}` : ""}`;
}

/** Escapes one path segment. */
export const seg = encodeURIComponent;

/** Where a blob's bytes are served from. */
export const blobUrl = (hash: BlobHash): string => url(`/blobs/${seg(hash)}`);

async function problemOf(response: Response): Promise<ApiError> {
  const status = response.status;
  try {
    const body = (await response.json()) as Partial<Problem>;
    if (typeof body.code === "string" && typeof body.message === "string") {
      return new ApiError(body.code, body.message, status, body.field ?? null);
    }
  } catch {
    // Not JSON: something between us and the node answered. The status alone has to do.
  }
  return new ApiError(`http_${status}`, `The node answered with status ${status}.`, status);
}

/** Sends one request and returns the raw response; throws {@link ApiError} unless it succeeded. */
export async function send(path: string, init: RequestInit, options: Options = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url(path, options.query), {
      ...init,
      credentials: "same-origin",
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    for (const hear of listeners) hear(0);
    throw new ApiError("offline", "Your node does not answer. Is it running?", 0);
  }
  for (const hear of listeners) hear(response.status);
  if (!response.ok) throw await problemOf(response);
  return response;
}

async function json<T>(method: string, path: string, body: unknown, options?: Options): Promise<T> {
  // The node accepts unsafe methods only as JSON, so that no foreign form can post to it.
  const unsafe = method !== "GET";
  const headers: Record<string, string> = { accept: "application/json" };
  if (unsafe) headers["content-type"] = "application/json";
  if (options?.key) headers["idempotency-key"] = options.key;
  const response = await send(
    path,
    {
      method,
      headers,
      ...(unsafe ? { body: JSON.stringify(body ?? {}) } : {}),
    },
    options,
  );
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export const api = {
  get: <T>(path: string, options?: Options): Promise<T> => json<T>("GET", path, undefined, options),
  post: <T = void>(path: string, body?: unknown, options?: Options): Promise<T> =>
    json<T>("POST", path, body, options),
  put: <T = void>(path: string, body?: unknown, options?: Options): Promise<T> =>
    json<T>("PUT", path, body, options),
  patch: <T = void>(path: string, body?: unknown, options?: Options): Promise<T> =>
    json<T>("PATCH", path, body, options),
  del: <T = void>(path: string, options?: Options): Promise<T> => json<T>("DELETE", path, undefined, options),
};

/** Stores picture bytes on the node and returns their hash. */
export async function upload(bytes: globalThis.Blob): Promise<StoredBlob> {
  const response = await send("/blobs", {
    method: "POST",
    headers: { "content-type": bytes.type || "application/octet-stream" },
    body: bytes,
  });
  return (await response.json()) as StoredBlob;
}

/** Sends a file's bytes and tells how many have gone, which `fetch` cannot. The node names what it keeps. */
export function uploadFile<T>(
  path: string,
  bytes: globalThis.Blob,
  options: Pick<Options, "query" | "signal"> & { progress?: (sent: number) => void },
): Promise<T> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const stop = (): void => request.abort();
    const ended = (): void => {
      options.signal?.removeEventListener("abort", stop);
      for (const hear of listeners) hear(request.status);
    };
    request.open("POST", url(path, options.query));
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => options.progress?.(event.loaded);
    request.onabort = () => fail(new DOMException("The upload was called off.", "AbortError"));
    request.onerror = () => {
      ended();
      fail(new ApiError("offline", "Your node does not answer. Is it running?", 0));
    };
    request.onload = () => {
      ended();
      const answer = new Response(request.responseText, { status: request.status });
      if (answer.ok) done(JSON.parse(request.responseText) as T);
      else void problemOf(answer).then(fail);
    };
    if (options.signal?.aborted) return request.onabort(new ProgressEvent("abort"));
    options.signal?.addEventListener("abort", stop);
    request.send(bytes);
  });
}

/** Whether a thrown value is only a request that we cancelled ourselves. */
export const aborted = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "AbortError";
