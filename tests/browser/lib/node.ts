/** One person's node: a `hutong run` process with a data directory and a port that stay the same over restarts. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Running } from "./process.ts";

export class HutongNode {
  private running: Running | null = null;
  private constructor(
    readonly name: string,
    private readonly directory: string,
    readonly port: number,
  ) {}

  static async start(name: string): Promise<HutongNode> {
    const node = new HutongNode(name, mkdtempSync(join(tmpdir(), "hutong-browser-")), await freePort());
    await node.restart();
    return node;
  }

  /** Starts it, for the first time or again. */
  async restart(): Promise<void> {
    const listen = "/ip4/127.0.0.1/tcp/0,/ip4/127.0.0.1/udp/0/quic-v1";
    const where = ["--data-dir", this.directory, "--web", `127.0.0.1:${this.port}`, "--listen", listen];
    const args = ["run", "--json", "--no-mdns", "--exit-with-parent", ...where];
    this.running = await Running.start(this.name, args, (line) => line["event"] === "ready");
  }

  async stop(): Promise<void> {
    await this.running?.stop();
    this.running = null;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    await this.running?.kill();
    this.running = null;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Where the browser finds it. */
  get origin(): string {
    return `http://node.localhost:${this.port}`;
  }

  /** The link that the node printed; it works once. */
  get printedLink(): string {
    return String(this.running?.ready["url"]);
  }

  /** A fresh link. */
  async link(): Promise<string> {
    const { url } = await this.api<{ url: string }>("POST", "/session/token", {});
    return url;
  }

  get #bearer(): string {
    return `Bearer ${readFileSync(join(this.directory, "api-token"), "utf8").trim()}`;
  }

  /** The bytes at an address of the API. */
  async bytes(path: string): Promise<Buffer> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { headers: { authorization: this.#bearer } });
    if (!response.ok) throw new Error(`${this.name}: GET ${path}: ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  /** The API with the bearer token, for what a browser does not show. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api${path}`, {
      method,
      headers: { authorization: this.#bearer, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${this.name}: ${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? null : JSON.parse(text)) as T;
  }
}

/** A port that nobody uses now. The node keeps it over restarts, so that an open page finds it again. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
