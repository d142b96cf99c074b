import { readFile } from "node:fs/promises";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Log } from "./actors/log.ts";
import { readJson } from "./actors/read-json.ts";
import { decodeEntries } from "./events/log-codec.ts";
import type { Subjects } from "./events/subjects.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { ERASED_PREFIX, type ErasedHash } from "./privacy/erasure-record.ts";
import type { HashUser } from "./privacy/user-hash.ts";

/** Whom a deployment has erased: keyed hashes, which tell nothing without its key. */
export type ErasedList = Readonly<{
  format: 1;
  /** Of the key that they were hashed with: the hash of a text that is no user's. */
  key: string;
  erased: readonly ErasedHash[];
}>;

/**
 * Everybody whom somebody asked to erase: those that were noted, and those whose entries the logs still hold.
 *
 * @param told - Log messages read so far.
 */
export async function collectErased(
  {
    log,
    releases,
    subjects,
    hashUser,
  }: Readonly<{
    log: Log;
    releases: BlobStore;
    subjects: Subjects;
    hashUser: HashUser;
  }>,
  shards: number,
  told: (messages: number) => void = () => {},
): Promise<ErasedList> {
  const found = new Map<string, ErasedHash>();
  for (const key of await releases.keys(ERASED_PREFIX)) {
    const one = await readJson<ErasedHash>(releases, key);
    if (one !== undefined) found.set(one.erasure, one);
  }
  let messages = 0;
  for (let shard = 0; shard < shards; shard++) {
    const stream = subjects.shardLog(shard);
    const { first, last } = await log.bounds(stream);
    for await (const some of log.range(stream, first, last)) {
      for (const { data } of some)
        for (const one of erasedIn(data, shard, shards)) found.set(one.erasure, one);
      messages += some.length;
      told(messages);
    }
  }
  return { format: 1, key: keyMark(hashUser), erased: [...found.values()] };
}

/** What tells lists of two deployments apart. */
export function keyMark(hashUser: HashUser): string {
  return hashUser("\u0000resonance erased users");
}

/**
 * Reads a list that `resonance backup erased` wrote.
 *
 * @throws EngineError `BAD_ERASED_LIST`.
 */
export async function readErasedList(path: string): Promise<ErasedList> {
  try {
    const list = JSON.parse(await readFile(path, "utf8")) as ErasedList;
    if (list.format === 1 && typeof list.key === "string" && Array.isArray(list.erased)) return list;
  } catch {
    // Told below, as any other file that is none.
  }
  const message = `${path} is no list of erased users: make one with \`resonance backup erased FILE\``;
  throw new EngineError({ code: "BAD_ERASED_LIST", message, retryable: false });
}

/** Idle users are left out: a restored deployment finds by itself who is idle. */
function erasedIn(data: Uint8Array, shard: number, shards: number): ErasedHash[] {
  try {
    return decodeEntries(data).flatMap((entry) =>
      entry.kind === "erase" && entry.reason === "asked"
        ? [{ erasure: entry.id, hash: entry.hash, shard, shards }]
        : [],
    );
  } catch {
    return []; // It is a dead letter.
  }
}
