import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { systemClock } from "../../adapters/system-clock.ts";
import { sha256Hex } from "../../kernel/hash.ts";

const SAVE_EVERY_MS = 500;

/** How far a file has been replayed into one deployment, kept on disk so that another run can go on. */
export class ReplayState {
  readonly #path: string;
  readonly #identity: string;
  #line: number;
  #savedMs = Number.NEGATIVE_INFINITY;

  private constructor(path: string, identity: string, line: number) {
    this.#path = path;
    this.#identity = identity;
    this.#line = line;
  }

  /**
   * Opens the state of replaying `file` to the engine at `target`. A file that has changed since starts anew.
   *
   * @param folder - Where states are kept.
   */
  static async open(folder: string, file: string, target: string, restart: boolean): Promise<ReplayState> {
    const about = await stat(file);
    const identity = `${resolve(file)} ${about.size} ${about.mtimeMs} ${target}`;
    const path = join(folder, `replay-${sha256Hex(`${resolve(file)} ${target}`).slice(0, 16)}.json`);
    const line = restart ? 0 : await readLine(path, identity);
    return new ReplayState(path, identity, line);
  }

  /** The last line of which it, and all before it, is stored by the log; 0 at the start. */
  get line(): number {
    return this.#line;
  }

  /** Moves on; writes to disk now and then, or at once if `now`. */
  async advance(line: number, now = false): Promise<void> {
    this.#line = Math.max(this.#line, line);
    const nowMs = systemClock.monotonicMs();
    if (!now && nowMs - this.#savedMs < SAVE_EVERY_MS) return;
    this.#savedMs = nowMs;
    await mkdir(dirname(this.#path), { recursive: true });
    const draft = `${this.#path}.draft`;
    await writeFile(draft, JSON.stringify({ identity: this.#identity, line: this.#line }));
    await rename(draft, this.#path); // Whole or not at all, also when the process is killed here.
  }
}

async function readLine(path: string, identity: string): Promise<number> {
  try {
    const held: unknown = JSON.parse(await readFile(path, "utf8"));
    if (typeof held !== "object" || held === null || !("identity" in held) || !("line" in held)) return 0;
    return held.identity === identity && typeof held.line === "number" ? held.line : 0;
  } catch {
    return 0; // None yet, or unreadable: from the start, and what is sent twice has no effect.
  }
}
