import { createReadStream } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import yauzl from "yauzl";
import { EngineError } from "../../kernel/engine-error.ts";
import { unpacked } from "../read-events-file.ts";

/** One file of a data set. */
export type SourceFile = Readonly<{
  /** Path inside the folder or archive, without `.gz`. */
  name: string;
  /** As it lies on the disk or in the archive, before gzip is taken off. */
  sizeBytes: number;
  /** What the file holds, unpacked; may be opened several times. */
  read(): AsyncGenerator<Buffer, void, undefined>;
}>;

/** A data set as its publisher ships it: a folder, a zip archive, or one file. */
export interface ImportSource {
  readonly path: string;
  readonly files: readonly SourceFile[];
  /** Bytes taken from the disk so far, of the files that were read. */
  readonly readBytes: number;
  close(): void;
}

/** Zip, and 7-Zip, by their first bytes. */
const ZIP_MAGIC = "504b0304";
const SEVEN_ZIP_MAGIC = "377abcaf";
const CHUNK_BYTES = 262_144;

/** @throws EngineError `IMPORT_UNREADABLE` if there is nothing at that path, or it is an archive of another kind. */
export async function openSource(path: string): Promise<ImportSource> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return await folderSource(path);
    const magic = await firstBytes(path);
    if (magic === SEVEN_ZIP_MAGIC) throw new Error("it is a 7-Zip archive: unpack it first, with 7z x");
    if (magic === ZIP_MAGIC) return await zipSource(path);
    const counter = { readBytes: 0 };
    return counted(path, [diskFile(path, basename(path), found.size, counter)], counter, () => {});
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * The files whose name, without folders, is as the pattern says, by name.
 *
 * @throws EngineError `IMPORT_INCOMPLETE` if there is none.
 */
export function filesNamed(source: ImportSource, pattern: RegExp, what: string): readonly SourceFile[] {
  const found = source.files
    .filter(({ name }) => pattern.test(basename(name)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (found.length > 0) return found;
  const message = `${source.path} holds no ${what}: name the folder or the archive as its publisher ships it`;
  throw new EngineError({ code: "IMPORT_INCOMPLETE", message, retryable: false });
}

async function folderSource(path: string): Promise<ImportSource> {
  const counter = { readBytes: 0 };
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const whole = join(entry.parentPath, entry.name);
        return diskFile(whole, relative(path, whole), (await stat(whole)).size, counter);
      }),
  );
  return counted(path, files, counter, () => {});
}

function diskFile(path: string, name: string, sizeBytes: number, counter: { readBytes: number }): SourceFile {
  return {
    name: name.replace(/\.gz$/, ""),
    sizeBytes,
    async *read() {
      try {
        yield* unpacked(counting(createReadStream(path, { highWaterMark: CHUNK_BYTES }), counter));
      } catch (cause) {
        throw unreadable(path, cause);
      }
    },
  };
}

async function zipSource(path: string): Promise<ImportSource> {
  const counter = { readBytes: 0 };
  const zip = await yauzl.openPromise(path, { lazyEntries: true, autoClose: false });
  const files: SourceFile[] = [];
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName.endsWith("/")) continue;
    files.push({
      name: entry.fileName.replace(/\.gz$/, ""),
      sizeBytes: entry.uncompressedSize,
      async *read() {
        try {
          yield* unpacked(counting(await zip.openReadStreamPromise(entry), counter));
        } catch (cause) {
          throw unreadable(`${path}: ${entry.fileName}`, cause);
        }
      },
    });
  }
  return counted(path, files, counter, () => zip.close());
}

function counted(
  path: string,
  files: readonly SourceFile[],
  counter: Readonly<{ readBytes: number }>,
  close: () => void,
): ImportSource {
  return {
    path,
    files,
    close,
    get readBytes() {
      return counter.readBytes;
    },
  };
}

async function* counting(
  chunks: AsyncIterable<Buffer>,
  counter: { readBytes: number },
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of chunks) {
    counter.readBytes += chunk.length;
    yield chunk;
  }
}

async function firstBytes(path: string): Promise<string> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString("hex", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function unreadable(path: string, cause: unknown): EngineError {
  if (cause instanceof EngineError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const message = `cannot read ${path}: ${reason}`;
  return new EngineError({ code: "IMPORT_UNREADABLE", message, retryable: false, cause });
}
