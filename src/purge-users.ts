import type { KeptStream } from "./actors/kept-stream.ts";
import type { LogMessage } from "./actors/log.ts";
import { readingOf, Stretches } from "./actors/stretches.ts";
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
const utf8 = new TextDecoder();
/** Messages erased at once. */
const ERASED_AT_ONCE = 64;
/** Messages asked for by their places at once. */
const ASKED_AT_ONCE = 512;

/**
 * Takes users out of the log of decisions. What other users were shown stays: it is appended again before its message
 * goes, so that a crash in between leaves it twice, under the same decision ids, and never not at all.
 *
 * A shard writes decisions down within a second: call it so long after the users were erased.
 *
 * @returns Messages erased.
 * @throws EngineError `LOG_UNAVAILABLE` (retryable): call it again.
 */
export function purgeDecisions(
  stream: KeptStream,
  users: ReadonlySet<string>,
  known = new Stretches(),
): Promise<number> {
  const restOf = (data: Uint8Array): Rest => {
    const rows = decode(data) as LoggedDecision[];
    const kept = rows.filter(([, user]) => !users.has(user));
    if (kept.length === rows.length) return UNTOUCHED;
    return kept.length === 0 ? GONE : { kind: "shorter", data: encode(kept) };
  };
  const idsOf = (data: Uint8Array) => (decode(data) as LoggedDecision[]).map(([, user]) => user);
  return purge(stream, users, { restOf, idsOf }, known);
}

/** Takes users' transitions out of their stream, as {@link purgeDecisions} does: each has a message of its own. */
export function purgeTransitions(
  stream: KeptStream,
  users: ReadonlySet<string>,
  known = new Stretches(),
): Promise<number> {
  const userOf = (data: Uint8Array): string => (JSON.parse(utf8.decode(data)) as Transition).user;
  const restOf = (data: Uint8Array): Rest => (users.has(userOf(data)) ? GONE : UNTOUCHED);
  return purge(stream, users, { restOf, idsOf: (data) => [userOf(data)] }, known);
}

/**
 * Drops the entries of users that could not be folded, those that name them as somebody's peer, and messages that cannot be
 * read in which their ids are.
 */
export async function purgeDeadLetters(stream: KeptStream, users: ReadonlySet<string>): Promise<number> {
  const needles = [...users].flatMap((user) => [
    Buffer.from(user),
    Buffer.from(JSON.stringify(user).slice(1, -1)),
  ]);
  const isOf = (data: Uint8Array): boolean => {
    const letter = decode(data) as DeadLetter;
    try {
      return decodeEntries(letter.data).some(
        (entry) =>
          entry.kind === "behaviour" &&
          (users.has(entry.user) || (entry.peer !== undefined && users.has(entry.peer))),
      );
    } catch {
      return true; // It has their bytes.
    }
  };
  const found: number[] = [];
  for await (const { sequence, data } of stream.messages()) {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    if (needles.some((needle) => bytes.includes(needle)) && isOf(data)) found.push(sequence);
  }
  return stream.erase(found);
}

/** Takes users out of all three. @returns Messages erased, by stream. */
export async function purgeUsers(
  streams: KeptStreams,
  users: ReadonlySet<string>,
  known: Readonly<{ decisions?: Stretches; transitions?: Stretches }> = {},
): Promise<PurgedCounts> {
  const purging = [
    purgeDecisions(streams.decisions, users, known.decisions),
    purgeDeadLetters(streams.deadLetters, users),
    purgeTransitions(streams.transitions, users, known.transitions),
  ] as const;
  await Promise.allSettled(purging); // What is known of a stream is for one reading at a time.
  const [decisions, deadLetters, transitions] = await Promise.all(purging);
  return { decisions, deadLetters, transitions };
}

/**
 * {@link purgeUsers} for all shards of a thread: one reading of the streams serves everybody who asks before it begins, and
 * counts for each what it has erased for all. Whom the messages hold is remembered, so that later readings are short.
 */
export function sharedPurge(streams: KeptStreams): (users: ReadonlySet<string>) => Promise<PurgedCounts> {
  let waiting: Readonly<{ users: Set<string>; purged: Promise<PurgedCounts> }> | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const known = { decisions: new Stretches(), transitions: new Stretches() };
  return (users) => {
    if (waiting === undefined) {
      const asked = new Set<string>();
      const purged = running.then(() => {
        waiting = undefined;
        return purgeUsers(streams, asked, known);
      });
      waiting = { users: asked, purged };
      running = purged.catch(() => {}); // Whoever asked is told.
    }
    for (const user of users) waiting.users.add(user);
    return waiting.purged;
  };
}

/** @param known - What is known of the stream; what is read beyond it is taken in. */
async function purge(
  stream: KeptStream,
  users: ReadonlySet<string>,
  { restOf, idsOf }: Readonly<{ restOf(data: Uint8Array): Rest; idsOf(data: Uint8Array): readonly string[] }>,
  known: Stretches,
): Promise<number> {
  let waiting: number[] = [];
  let erased = 0;
  const look = async ({ sequence, data }: LogMessage, ids: readonly string[]): Promise<void> => {
    if (!ids.some((id) => users.has(id))) return;
    const rest = restOf(data);
    if (rest.kind === "untouched") return;
    if (rest.kind === "shorter") await stream.append([{ id: `rest of ${sequence}`, data: rest.data }]);
    waiting.push(sequence);
    if (waiting.length < ERASED_AT_ONCE) return;
    erased += await stream.erase(waiting);
    waiting = [];
  };
  const begin = known.through + 1;
  const through = Number.POSITIVE_INFINITY;
  const { runs, places } = readingOf(known.holding([...users].map((user) => ({ user, through }))));
  for (let at = 0; at < places.length; at += ASKED_AT_ONCE)
    for (const message of await stream.messagesAt(places.slice(at, at + ASKED_AT_ONCE)))
      await look(message, idsOf(message.data));
  for (const { from, to } of runs) {
    for await (const message of stream.messages(from)) {
      if (message.sequence > to) break;
      await look(message, idsOf(message.data));
    }
  }
  for await (const message of stream.messages(begin)) {
    const ids = idsOf(message.data);
    known.add(message.sequence, ids);
    await look(message, ids);
  }
  return erased + (await stream.erase(waiting));
}
