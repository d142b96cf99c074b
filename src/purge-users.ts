import type { KeptStream } from "./actors/kept-stream.ts";
import type { LoggedDecision } from "./content/content-answer.ts";
import { decodeEntries } from "./events/log-codec.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { Transition } from "./shards/outcome.ts";
import type { DeadLetter } from "./shards/shard-messages.ts";

/** Streams that hold users and that nothing is folded from. */
export type KeptStreams = Readonly<{
  decisions: KeptStream;
  deadLetters: KeptStream;
  transitions: KeptStream;
}>;

/** Messages erased, by stream. */
export type PurgedCounts = Readonly<Record<keyof KeptStreams, number>>;

/** What a message is without some users: itself, something shorter, or nothing. */
type Rest = Readonly<{ kind: "untouched" } | { kind: "gone" } | { kind: "shorter"; data: Uint8Array }>;

const UNTOUCHED: Rest = { kind: "untouched" };
const GONE: Rest = { kind: "gone" };
/** More are looked for by reading every message. */
const NEEDLES_MAX = 32;
/** Messages erased at once. */
const ERASED_AT_ONCE = 64;

/**
 * Takes users out of the log of decisions. What other users were shown stays: it is appended again before its message
 * goes, so that a crash in between leaves it twice, under the same decision ids, and never not at all.
 *
 * A shard writes decisions down within a second: call it so long after the users were erased.
 *
 * @returns Messages erased.
 * @throws EngineError `LOG_UNAVAILABLE` (retryable): call it again.
 */
export function purgeDecisions(stream: KeptStream, users: ReadonlySet<string>): Promise<number> {
  return purge(stream, users, (data) => {
    const rows = decode(data) as LoggedDecision[];
    const kept = rows.filter(([, user]) => !users.has(user));
    if (kept.length === rows.length) return UNTOUCHED;
    return kept.length === 0 ? GONE : { kind: "shorter", data: encode(kept) };
  });
}

/** Takes users' transitions out of their stream, as {@link purgeDecisions} does: each has a message of its own. */
export function purgeTransitions(stream: KeptStream, users: ReadonlySet<string>): Promise<number> {
  return purge(stream, users, (data) => {
    const { user } = JSON.parse(new TextDecoder().decode(data)) as Transition;
    return users.has(user) ? GONE : UNTOUCHED;
  });
}

/**
 * Drops the entries of users that could not be folded, those that name them as somebody's peer, and messages that cannot be
 * read in which their ids are.
 */
export function purgeDeadLetters(stream: KeptStream, users: ReadonlySet<string>): Promise<number> {
  const restOf = (data: Uint8Array): Rest => {
    const letter = decode(data) as DeadLetter;
    try {
      const isOf = decodeEntries(letter.data).some(
        (entry) =>
          entry.kind === "behaviour" &&
          (users.has(entry.user) || (entry.peer !== undefined && users.has(entry.peer))),
      );
      return isOf ? GONE : UNTOUCHED;
    } catch {
      return GONE; // It has their bytes: all letters are searched for them, there are few.
    }
  };
  return purge(stream, users, restOf, Number.POSITIVE_INFINITY);
}

/** Takes users out of all three. @returns Messages erased, by stream. */
export async function purgeUsers(streams: KeptStreams, users: ReadonlySet<string>): Promise<PurgedCounts> {
  return {
    decisions: await purgeDecisions(streams.decisions, users),
    deadLetters: await purgeDeadLetters(streams.deadLetters, users),
    transitions: await purgeTransitions(streams.transitions, users),
  };
}

/**
 * {@link purgeUsers} for all shards of a thread: one reading of the streams serves everybody who asks before it begins, and
 * counts for each what it has erased for all.
 */
export function sharedPurge(streams: KeptStreams): (users: ReadonlySet<string>) => Promise<PurgedCounts> {
  let waiting: Readonly<{ users: Set<string>; purged: Promise<PurgedCounts> }> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  return (users) => {
    if (waiting === undefined) {
      const asked = new Set<string>();
      const purged = running.then(() => {
        waiting = undefined;
        return purgeUsers(streams, asked);
      });
      waiting = { users: asked, purged };
      running = purged.catch(() => {}); // Whoever asked is told.
    }
    for (const user of users) waiting.users.add(user);
    return waiting.purged;
  };
}

async function purge(
  stream: KeptStream,
  users: ReadonlySet<string>,
  restOf: (data: Uint8Array) => Rest,
  needlesMax = NEEDLES_MAX,
): Promise<number> {
  // Bytes first: reading every message would take ten times as long.
  const needles = [...users].flatMap((user) => [
    Buffer.from(user),
    Buffer.from(JSON.stringify(user).slice(1, -1)),
  ]);
  let waiting: number[] = [];
  let erased = 0;
  for await (const { sequence, data } of stream.messages()) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (needles.length <= needlesMax && !needles.some((needle) => bytes.includes(needle))) continue;
    const rest = restOf(data);
    if (rest.kind === "untouched") continue; // Another user's id holds theirs.
    if (rest.kind === "shorter") await stream.append([{ id: `rest of ${sequence}`, data: rest.data }]);
    waiting.push(sequence);
    if (waiting.length < ERASED_AT_ONCE) continue;
    erased += await stream.erase(waiting);
    waiting = [];
  }
  return erased + (await stream.erase(waiting));
}
