import { createReadStream, createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

type Timed = Readonly<{ tsMs: number; line: string }>;

/** Lines held in memory before they are written aside: about 200 MB of events. */
const RUN_LINES = 500_000;

const BUFFER_BYTES = 1_048_576;

/**
 * Sorts lines by time in bounded memory: full runs are sorted and written aside, and merged at the end. Lines of one
 * time stay in the order in which they were added.
 */
export class TimeSorter {
  readonly #folder: string;
  readonly #runLines: number;
  #held: Timed[] = [];
  #runs: string[] = [];
  #ownFolder: string | undefined;

  /** @param folder - Where runs are written aside, in a folder of their own. */
  constructor(folder: string, runLines = RUN_LINES) {
    this.#folder = folder;
    this.#runLines = runLines;
  }

  async add(tsMs: number, line: string): Promise<void> {
    this.#held.push({ tsMs, line });
    if (this.#held.length >= this.#runLines) await this.#writeRun();
  }

  /** All lines in the order of time; once. */
  async *sorted(): AsyncGenerator<string, void, undefined> {
    this.#sortHeld();
    if (this.#runs.length === 0) {
      for (const { line } of this.#held) yield line;
      return;
    }
    yield* merged([...this.#runs.map(readRun), held(this.#held)]);
  }

  /** Removes what was written aside. */
  async close(): Promise<void> {
    if (this.#ownFolder !== undefined) await rm(this.#ownFolder, { recursive: true, force: true });
  }

  async #writeRun(): Promise<void> {
    this.#ownFolder ??= await mkdtemp(join(this.#folder, ".sorting-"));
    this.#sortHeld();
    const path = join(this.#ownFolder, String(this.#runs.length));
    const lines = this.#held;
    const texts = function* () {
      for (const { tsMs, line } of lines) yield `${tsMs}\t${line}\n`;
    };
    await pipeline(Readable.from(texts()), createWriteStream(path, { highWaterMark: BUFFER_BYTES }));
    this.#runs.push(path);
    this.#held = [];
  }

  /** The built-in sort keeps the order of equals. */
  #sortHeld(): void {
    this.#held.sort((a, b) => a.tsMs - b.tsMs);
  }
}

async function* readRun(path: string): AsyncGenerator<Timed, void, undefined> {
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const tab = text.indexOf("\t");
    yield { tsMs: Number(text.slice(0, tab)), line: text.slice(tab + 1) };
  }
}

async function* held(lines: readonly Timed[]): AsyncGenerator<Timed, void, undefined> {
  yield* lines;
}

/** Of equal times the earlier run comes first. Runs are few (one in half a million lines): a search through them will do. */
async function* merged(runs: readonly AsyncGenerator<Timed>[]): AsyncGenerator<string, void, undefined> {
  const heads = await Promise.all(runs.map(async (run) => (await run.next()).value as Timed | undefined));
  while (true) {
    let next = -1;
    for (let i = 0; i < heads.length; i++) {
      const head = heads[i];
      if (head !== undefined && (next < 0 || head.tsMs < heads[next]!.tsMs)) next = i;
    }
    if (next < 0) return;
    yield heads[next]!.line;
    heads[next] = (await runs[next]!.next()).value as Timed | undefined;
  }
}
