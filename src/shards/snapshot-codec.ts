import { assert } from "../kernel/assert.ts";
import { ByteReader } from "../kernel/byte-reader.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { OutboxItem, ShardMeta } from "./context-store.ts";

/** All that a store holds of one user. */
export type UserRows = Readonly<{
  user: string;
  context: Uint8Array;
  isAuthenticated: boolean;
  ring: readonly (readonly [slot: number, bytes: Uint8Array])[];
}>;

/** A chunk of a shard's snapshot. `end` comes last, so that a snapshot without it is not whole. */
export type ShardChunk =
  | Readonly<{ kind: "users"; users: readonly UserRows[] }>
  | Readonly<{ kind: "outbox"; items: readonly OutboxItem[] }>
  | Readonly<{ kind: "end"; meta: ShardMeta }>;

const KINDS = ["users", "outbox", "end"] as const;

/** A chunk as bytes. The same chunk gives the same bytes. */
export function encodeShardChunk(chunk: ShardChunk, writer: ByteWriter = new ByteWriter()): Uint8Array {
  writer.reset();
  writer.u8(KINDS.indexOf(chunk.kind));
  if (chunk.kind === "users") writeUsers(chunk.users, writer);
  else writer.raw(encode(chunk.kind === "outbox" ? chunk.items : chunk.meta));
  return writer.finish();
}

/**
 * The chunk that {@link encodeShardChunk} wrote; contexts and ring are views of its bytes.
 *
 * @throws For bytes that it did not write.
 */
export function decodeShardChunk(bytes: Uint8Array): ShardChunk {
  const kind = KINDS[bytes[0] ?? -1];
  assert(kind !== undefined, "a chunk begins with its kind");
  if (kind === "users") return { kind, users: readUsers(new ByteReader(bytes.subarray(1))) };
  const content = decode(bytes.subarray(1));
  return kind === "outbox"
    ? { kind, items: content as readonly OutboxItem[] }
    : { kind: "end", meta: content as ShardMeta };
}

function writeUsers(users: readonly UserRows[], writer: ByteWriter): void {
  writer.u32(users.length);
  for (const { user, context, isAuthenticated, ring } of users) {
    writer.text(user);
    writer.u8(isAuthenticated ? 1 : 0);
    writer.u32(context.length);
    writer.raw(context);
    writer.u16(ring.length);
    for (const [slot, event] of ring) {
      writer.u16(slot);
      writer.u32(event.length);
      writer.raw(event);
    }
  }
}

function readUsers(reader: ByteReader): UserRows[] {
  const users: UserRows[] = [];
  for (let left = reader.u32(); left > 0; left--) {
    const user = reader.text();
    const isAuthenticated = reader.u8() === 1;
    const context = reader.raw(reader.u32());
    const ring: [number, Uint8Array][] = [];
    for (let slots = reader.u16(); slots > 0; slots--) ring.push([reader.u16(), reader.raw(reader.u32())]);
    users.push({ user, context, isAuthenticated, ring });
  }
  return users;
}
