import { decodeEntries } from "../../events/log-codec.ts";
import type { LogEntry } from "../../events/log-entry.ts";
import { decode } from "../../kernel/msgpack.ts";
import type { DeadLetter } from "../../shards/shard-messages.ts";

/** A dead letter as commands show it. */
export type ShownLetter = Readonly<{
  id: number;
  /** When it was set aside, ISO 8601. */
  at: string;
  shard: number;
  /** Its place in the shard's log. */
  sequence: number;
  code: string;
  reason: string;
  /** The same for the same fault. */
  stack: string;
  /** Absent if the bytes make no entry. */
  entry?: LogEntry;
  bytes: number;
}>;

/** What is known of a letter; its entry is decoded if that is possible. */
export function describeLetter(
  id: number,
  storedAtMs: number,
  data: Uint8Array,
): { shown: ShownLetter; letter: DeadLetter } {
  const letter = decode(data) as DeadLetter;
  const { shard, sequence, code, reason, stack } = letter;
  const entry = entryOf(letter.data);
  const shown = {
    id,
    at: new Date(storedAtMs).toISOString(),
    shard,
    sequence,
    code,
    reason,
    stack,
    ...(entry === undefined ? {} : { entry }),
    bytes: letter.data.byteLength,
  };
  return { shown, letter };
}

function entryOf(data: Uint8Array): LogEntry | undefined {
  try {
    return decodeEntries(data)[0];
  } catch {
    return undefined; // That may be why it is here.
  }
}

/** Who did what, in a few words. */
export function entryInShort(entry: LogEntry | undefined): string {
  if (entry === undefined) return "unreadable";
  return entry.kind === "behaviour" ? `${entry.type} by ${entry.user}` : entry.kind;
}
