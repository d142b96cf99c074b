import { EngineError } from "../kernel/engine-error.ts";
import { encodeEntry, type RawControl, type RawRow, rewriteMessage } from "./log-codec.ts";

/** What a message is without some users, and how many of its entries were theirs. */
export type RedactedMessage = Readonly<{ data: Uint8Array; entries: number }>;

/** Who is to be taken out of a message. */
export type Gone = Readonly<{
  isGone(user: string): boolean;
  /** What features make of a peer's id: it stays, since other users' contexts were made with it. */
  peerHash(user: string): number;
}>;

const USER = 1;
const REST = 7;

/**
 * A message of a shard's log without what is of some users. Other entries keep their places, and fold to the same bytes.
 * An erasure's own entry stays as it is. Of a message that can't be read, which was set aside when it was folded, nothing is left.
 *
 * @returns Undefined if it holds nothing of them.
 */
export function redactEntries(data: Uint8Array, gone: Gone): RedactedMessage | undefined {
  let entries = 0;
  try {
    const left = rewriteMessage(data, (entry) => {
      if (!isRow(entry)) return entry;
      if (!gone.isGone(String(entry[USER]))) return withoutPeer(entry, gone);
      entries++;
      return null;
    });
    return left === undefined ? undefined : { data: left, entries };
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.code === "LOG_ENTRY_UNREADABLE")
      return { data: encodeEntry({ kind: "redacted" }), entries: 1 };
    throw thrown;
  }
}

/** An erasure's own entry without the user, whose hash stays. @returns Undefined if it holds none. */
export function redactErasure(data: Uint8Array): Uint8Array | undefined {
  return rewriteMessage(data, (entry) => {
    if (isRow(entry) || entry["kind"] !== "erase" || entry["user"] === undefined) return entry;
    const { user: _, ...rest } = entry;
    return rest;
  });
}

function withoutPeer(row: RawRow, { isGone, peerHash }: Gone): RawRow {
  const rest = row[REST] as Readonly<Record<string, unknown>> | null | undefined;
  const peer = rest?.["peer"];
  if (typeof peer !== "string" || !isGone(peer)) return row;
  const { peer: _, ...others } = rest ?? {};
  return row.with(REST, { ...others, peerHash: peerHash(peer) });
}

function isRow(entry: RawRow | RawControl): entry is RawRow {
  return Array.isArray(entry);
}
