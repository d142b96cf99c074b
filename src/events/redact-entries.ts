import { type RawControl, type RawRow, rewriteMessage } from "./log-codec.ts";

/** What a message is without some users, and whose entries went, a name for each. */
export type RedactedMessage = Readonly<{ data: Uint8Array; users: readonly string[] }>;

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
 * An erasure's own entry stays as it is.
 *
 * @returns Undefined if it holds nothing of them.
 * @throws EngineError `LOG_ENTRY_UNREADABLE`.
 */
export function redactEntries(data: Uint8Array, gone: Gone): RedactedMessage | undefined {
  const users: string[] = [];
  const left = rewriteMessage(data, (entry) => {
    if (!isRow(entry)) return entry;
    const user = String(entry[USER]);
    if (!gone.isGone(user)) return withoutPeer(entry, gone);
    users.push(user);
    return null;
  });
  return left === undefined ? undefined : { data: left, users };
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
