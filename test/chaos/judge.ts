import { createHash } from "node:crypto";
import type { NatsConnection } from "@nats-io/transport-node";
import { unpack } from "msgpackr";
import { foldProfiles, profileContentOf } from "../../bench/harness/fold-profiles.ts";
import type { Append } from "../../src/actors/log.ts";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import type { Subjects } from "../../src/events/subjects.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { foldAgain } from "../integration/fold-again.ts";
import type { Copy } from "./copies.ts";
import { rawStream } from "./raw-stream.ts";

/** What a run is judged by. */
export type Evidence = Readonly<{
  connection: NatsConnection;
  subjects: Subjects;
  shards: number;
  ringEvents: number;
  /** Events that the engine has acknowledged, as `user id`. */
  acknowledged: ReadonlySet<string>;
  /** Every copy of every unit; the nodes have been stopped. */
  copies: readonly Copy[];
}>;

/** Counts of what must be zero, and what they are made of. */
export type Verdict = {
  /** Acknowledged events that no log holds, acts that a copy has not counted, outputs that were never published. */
  lost: number;
  /** Acts that a copy has counted more than once. */
  doubled: number;
  /** Contexts, rings, sums and outputs that are not what one process makes of the same logs. */
  different: number;
  readonly findings: string[];
};

/** Types of events that say who somebody is, and are no acts. */
const ADMINISTRATIVE = ["identify", "consent"];
const FINDINGS_MAX = 50;

/**
 * Judges what servers and disks hold in the end, against one process that folds the same logs once, without any
 * fault. The logs themselves are read raw.
 */
export async function judge(evidence: Evidence, report: (line: string) => void): Promise<Verdict> {
  const verdict: Verdict = { lost: 0, doubled: 0, different: 0, findings: [] };
  const expected = new Map<string, string>();
  const stored = new Set<string>();
  for (let shard = 0; shard < evidence.shards; shard++) {
    const acts = await readLog(evidence, shard, stored);
    const once = await foldAgain(evidence.connection, evidence.subjects, {
      shard,
      ringEvents: evidence.ringEvents,
      published: (stream, messages) => collect(evidence.subjects, stream, messages, expected),
    });
    report(`shard ${shard}: ${acts.size} users, folded again to entry ${once.meta()?.applied}`);
    await judgeShard(evidence, shard, once, acts, verdict);
  }
  for (const event of evidence.acknowledged)
    if (!stored.has(event)) find(verdict, "lost", `acknowledged event ${event} is in no log`);
  await judgeOutputs(evidence, expected, verdict);
  await judgeProfiles(evidence, verdict);
  return verdict;
}

/** @returns The acts of each user in a shard's log, each id once. */
async function readLog(
  { connection, subjects }: Evidence,
  shard: number,
  stored: Set<string>,
): Promise<Map<string, Set<string>>> {
  const acts = new Map<string, Set<string>>();
  for await (const { data } of rawStream(connection, subjects.shardLog(shard))) {
    const [format] = data; // One entry, or a list of behaviours.
    const held: unknown = unpack(data.subarray(1));
    for (const row of (format === 1 ? [held] : held) as unknown[]) {
      if (!Array.isArray(row)) continue; // A control.
      const [id, user, type] = row as [string, string, string];
      stored.add(`${user} ${id}`);
      if (ADMINISTRATIVE.includes(type)) continue;
      const of = acts.get(user) ?? new Set();
      acts.set(user, of.add(id));
    }
  }
  return acts;
}

async function judgeShard(
  { copies }: Evidence,
  shard: number,
  once: ContextStore,
  acts: ReadonlyMap<string, ReadonlySet<string>>,
  verdict: Verdict,
): Promise<void> {
  const expected = contentOf(once);
  judgeCounts(`shard ${shard} folded again`, once, acts, verdict);
  for (const copy of copies.filter((one) => one.shard === shard)) {
    const store = lmdbContextStore(copy.path);
    const what = `${copy.unit} on ${copy.node}`;
    compare(what, expected, contentOf(store, once), verdict);
    judgeCounts(what, store, acts, verdict);
    await store.close();
  }
}

function judgeCounts(
  what: string,
  store: ContextStore,
  acts: ReadonlyMap<string, ReadonlySet<string>>,
  verdict: Verdict,
): void {
  for (const [user, ids] of acts) {
    const bytes = store.load(user);
    const counted = bytes === undefined ? 0 : decodeContext(user, bytes).events;
    if (counted === ids.size) continue;
    const message = `${what}: ${user} did ${ids.size} things, ${counted} were counted`;
    find(verdict, counted > ids.size ? "doubled" : "lost", message, Math.abs(counted - ids.size));
  }
}

/**
 * Everything of a store but its outbox, which is a copy's own.
 *
 * @param once - A score makes a context's first part that of the encoder in force, which a commit may find or not: a context that
 * differs from this store's by that alone counts as the same.
 */
function contentOf(store: ContextStore, once?: ContextStore): Map<string, string> {
  const content = new Map([["meta", JSON.stringify({ ...store.meta(), nextOutbox: 0 })]]);
  for (const [user, bytes] of store.contexts()) {
    const other = once?.load(user);
    const isSame = other !== undefined && differOnlyByEncoder(user, bytes, other);
    content.set(`context of ${user}`, digest(isSame ? other : bytes));
    const ring = store.loadRing(user).map(([slot, event]) => `${slot}=${digest(event)}`);
    content.set(`ring of ${user}`, ring.join());
  }
  content.set("authenticated", [...store.authenticated()].join());
  return content;
}

function differOnlyByEncoder(user: string, a: Uint8Array, b: Uint8Array): boolean {
  const [one, another] = [decodeContext(user, a), decodeContext(user, b)];
  if (one.encoder === another.encoder) return false;
  for (const context of [one, another]) context.replaceEncoder(new Float64Array(), "");
  const writer = new ByteWriter();
  return digest(encodeContext(one, writer)) === digest(encodeContext(another, writer));
}

function collect(
  subjects: Subjects,
  stream: string,
  messages: readonly Append[],
  into: Map<string, string>,
): void {
  for (const { id, data } of messages) {
    if (stream === subjects.transitions) into.set(`transition ${id}`, digest(data));
    else if (stream === subjects.samples) for (const [name, text] of samplesOf(data)) into.set(name, text);
  }
}

/** What was published is what one process would have published, however often it was. */
async function judgeOutputs(
  { connection, subjects }: Evidence,
  expected: ReadonlyMap<string, string>,
  verdict: Verdict,
): Promise<void> {
  const published = new Map<string, string>();
  const take = (name: string, text: string): void => {
    const before = published.get(name);
    if (before !== undefined && before !== text)
      find(verdict, "different", `${name} was published twice, with two contents`);
    published.set(name, text);
  };
  for await (const { data } of rawStream(connection, subjects.transitions)) {
    const { id } = JSON.parse(new TextDecoder().decode(data)) as { id: string };
    take(`transition ${id}`, digest(data));
  }
  for await (const { data } of rawStream(connection, subjects.samples))
    for (const [name, text] of samplesOf(data)) take(name, text);
  for (const [name, text] of expected) {
    const found = published.get(name);
    if (found === undefined) find(verdict, "lost", `${name} was not published`);
    else if (found !== text) find(verdict, "different", `${name} says something else than it should`);
  }
  for (const name of published.keys())
    if (!expected.has(name)) find(verdict, "different", `${name} was published for no reason`);
  for await (const { sequence } of rawStream(connection, subjects.deadLetters))
    find(verdict, "different", `dead letter ${sequence}`);
}

function samplesOf(data: Uint8Array): [string, string][] {
  const message = readSampleMessage(data);
  if (message === undefined || "control" in message) return [];
  const removals = (message.removals ?? []).map(({ sequence, index, user }): [string, string] => [
    `removal ${message.shard}:${sequence}:${index}`,
    user,
  ]);
  const samples = message.samples.map((sample): [string, string] => {
    const { vector, ...rest } = sample;
    const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    return [
      `sample ${message.shard}:${sample.sequence}:${sample.index}`,
      digest(JSON.stringify(rest), bytes),
    ];
  });
  return [...samples, ...removals];
}

/** Every copy of the profile actor holds what one fold of the samples' stream gives. */
async function judgeProfiles(evidence: Evidence, verdict: Verdict): Promise<void> {
  const { connection, subjects, shards } = evidence;
  const expected = profileContentOf(await foldProfiles(connection, subjects, shards));
  for (const copy of evidence.copies.filter(({ shard }) => shard === undefined)) {
    const store = lmdbProfileStore(copy.path);
    compare(`${copy.unit} on ${copy.node}`, expected, profileContentOf(store), verdict);
    await store.close();
  }
}

function compare(
  what: string,
  expected: ReadonlyMap<string, string>,
  held: ReadonlyMap<string, string>,
  verdict: Verdict,
): void {
  for (const key of new Set([...expected.keys(), ...held.keys()])) {
    const [should, is] = [expected.get(key), held.get(key)];
    if (should === is) continue;
    const how = key === "meta" ? `: ${is} instead of ${should}` : "";
    find(verdict, "different", `${what} differs from a single fold in ${key}${how}`);
  }
}

function find(verdict: Verdict, kind: "lost" | "doubled" | "different", finding: string, count = 1): void {
  verdict[kind] += count;
  if (verdict.findings.length < FINDINGS_MAX) verdict.findings.push(`${kind}: ${finding}`);
}

function digest(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha1");
  for (const part of parts) hash.update(part);
  return hash.digest("base64");
}
