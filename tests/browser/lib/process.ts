/** A `hutong` process that says in one line of JSON when it is ready. */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** How long a process may take to be ready, or to end, in ms: long, for a loaded machine. */
const PATIENCE_MS = 90_000;

export const browserTests = dirname(dirname(fileURLToPath(import.meta.url)));
export const repository = dirname(dirname(browserTests));
export const results = join(browserTests, "results");

/** The binary under test. */
export function binary(): string {
  const named = process.env["HUTONG_BIN"];
  const path = named ? resolve(named) : join(process.env["CARGO_TARGET_DIR"] ?? join(repository, "target"), "debug/hutong");
  if (!existsSync(path)) throw new Error(`${path} is not there: run tests/run, or \`cargo build\` first`);
  return path;
}

export class Running {
  private constructor(
    readonly ready: Record<string, unknown>,
    private readonly child: ChildProcess,
    private readonly ended: Promise<number | null>,
  ) {}

  /** Starts it and waits for the line that `isReady` takes. Its log goes to the results. */
  static async start(
    name: string,
    args: string[],
    isReady: (line: Record<string, unknown>) => boolean,
    env: Record<string, string> = {},
  ): Promise<Running> {
    mkdirSync(results, { recursive: true });
    const child = spawn(binary(), args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, RUST_LOG: process.env["HUTONG_TEST_LOG"] ?? "info", ...env },
    });
    child.stderr.pipe(createWriteStream(join(results, `${name}.log`), { flags: "a" }));
    const ended = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
    const ready = new Promise<Record<string, unknown>>((done) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        try {
          const value = JSON.parse(line) as Record<string, unknown>;
          if (isReady(value)) done(value);
        } catch {
          // A line for people.
        }
      });
    });
    const died = ended.then((code) => {
      throw new Error(`${name} ended with ${code} before it was ready; see results/${name}.log`);
    });
    died.catch(() => undefined);
    const line = await within(Promise.race([ready, died]), `${name} to be ready`);
    return new Running(line, child, ended);
  }

  /** Ends it in an orderly way: whoever started it is gone. */
  async stop(): Promise<void> {
    this.child.stdin?.end();
    await within(this.ended, "the process to end");
  }

  /** As Ctrl-C does. */
  async interrupt(): Promise<number | null> {
    this.child.kill("SIGINT");
    return within(this.ended, "the process to end");
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`waited in vain for ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
