import { type FileHandle, open } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { EngineError } from "../kernel/engine-error.ts";
import { type EventsFileLine, JsonLineSplitter } from "./json-line-splitter.ts";

/** A file of JSON lines that is being read; it can be iterated once. */
export interface EventsFile extends AsyncIterable<EventsFileLine> {
  /** Size on disk, compressed if the file is; null where there is no size, as for standard input. */
  readonly sizeBytes: number | null;
  /** Bytes taken from the disk so far, of `sizeBytes`. */
  readonly readBytes: number;
}

/** The file cannot be opened or read on: wrong path, no permission, damaged or cut compression. */
export class EventsFileUnreadable extends EngineError<"EVENTS_FILE_UNREADABLE"> {
  constructor(path: string, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `cannot read ${path === "-" ? "standard input" : path}: ${reason}`;
    super({ code: "EVENTS_FILE_UNREADABLE", message, retryable: false, detail: { path }, cause });
  }
}

/** Far above the 16 KiB of an event: a longer line shows that this is a file of another kind. */
const LINE_BYTES_MAX = 1_048_576;
/** Large enough that the disk's latency does not count, small beside everything else in memory. */
const CHUNK_BYTES = 262_144;
const GZIP_MAGIC = [0x1f, 0x8b] as const;

/**
 * Opens a file of JSON lines, in constant memory. Gzip is recognised by content, whatever the name is.
 *
 * @param path - A file, or `-` for standard input.
 * @param standardInput - What `-` stands for.
 * @throws {@link EventsFileUnreadable} here if it cannot be opened, and from the iteration if it breaks off. A
 *   bad line is not thrown: it is one of the lines.
 */
export async function readEventsFile(
  path: string,
  standardInput: Readable = process.stdin,
): Promise<EventsFile> {
  if (path === "-") return new OpenEventsFile({ path, source: standardInput, sizeBytes: null });
  let handle: FileHandle | undefined;
  try {
    handle = await open(path);
    const found = await handle.stat();
    if (found.isDirectory()) throw new Error("it is a folder");
    const source = handle.createReadStream({ highWaterMark: CHUNK_BYTES });
    return new OpenEventsFile({ path, source, sizeBytes: found.isFile() ? found.size : null });
  } catch (cause) {
    await handle?.close();
    throw new EventsFileUnreadable(path, cause);
  }
}

class OpenEventsFile implements EventsFile {
  readonly sizeBytes: number | null;
  readBytes = 0;
  readonly #path: string;
  readonly #source: Readable;

  constructor(given: {
    readonly path: string;
    readonly source: Readable;
    readonly sizeBytes: number | null;
  }) {
    this.#path = given.path;
    this.#source = given.source;
    this.sizeBytes = given.sizeBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<EventsFileLine, void, undefined> {
    const lines = new JsonLineSplitter(LINE_BYTES_MAX);
    try {
      for await (const chunk of unpacked(this.#counted())) yield* lines.push(chunk);
    } catch (cause) {
      throw new EventsFileUnreadable(this.#path, cause);
    }
    yield* lines.end();
  }

  async *#counted(): AsyncGenerator<Buffer, void, undefined> {
    for await (const chunk of this.#source) {
      const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
      this.readBytes += bytes.length;
      yield bytes;
    }
  }
}

/** The bytes as they are or, if they begin as gzip does, what they hold. */
export async function* unpacked(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  // A pipe may deliver the first two bytes one by one.
  let head: Buffer = Buffer.alloc(0);
  while (head.length < GZIP_MAGIC.length) {
    const first = await chunks.next();
    if (first.done === true) break;
    head = Buffer.concat([head, first.value]);
  }
  const whole = async function* () {
    yield head;
    yield* chunks;
  };
  if (GZIP_MAGIC.some((byte, index) => head[index] !== byte)) {
    yield* whole();
    return;
  }
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // `pipeline` hands an error of either side to the iteration below, and closes both when that is left early.
  pipeline(Readable.from(whole(), { objectMode: false }), gunzip, () => {});
  for await (const chunk of gunzip) yield chunk;
}
