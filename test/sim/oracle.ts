import type { Log, LogMessage } from "../../src/actors/log.ts";
import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import type { MemoryLog } from "../../src/adapters/memory-log.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import type { LogEntry } from "../../src/events/log-entry.ts";
import { ExperimentBook, readNumbers } from "../../src/experiments/experiment-book.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { PRIVATE_TABLE } from "../../src/profiles/private-releases.ts";
import { startProfileHost } from "../../src/profiles/profile-host.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import type { SampleBatch } from "../../src/profiles/sample.ts";
import { tallyTable } from "../../src/profiles/tallies.ts";
import { releasesOf } from "../../src/releases.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { startShardHost } from "../../src/shards/shard-host.ts";
import type { DeadLetter } from "../../src/shards/shard-messages.ts";
import { insecureBits } from "../privacy/insecure-seeded-bits.ts";
import { readableParts } from "../snapshot-parts.ts";
import { isReady } from "./is-ready.ts";
import { LEAVERS } from "./leavers.ts";
import { wrongReplays } from "./replayed-decisions.ts";
import { hashUser, type Servers, subjects } from "./servers.ts";
import type { SimClient } from "./sim-client.ts";
import type { SimNode, SimShape } from "./sim-node.ts";

/** Kinds of entries that every shard's log has of its own. */
const OF_ONE_SHARD: readonly LogEntry["kind"][] = [
  "behaviour",
  "warm-up-continued",
  "erase",
  "erased",
  "redacted",
];
/** What the text of a redacted sample has. */
const ERASED_SAMPLE = '"user":""';
const ADMINISTRATIVE = ["identify", "consent"];
/** What is told of a content that was chosen, and is nothing that its user did. */
const NO_ACTS = ["impression", "dismiss"];

/**
 * Judges a simulation by what its servers and disks hold in the end, from outside of the code under test where that
 * is possible, and against one process that folds the same logs once, without any fault.
 */
export async function judge(
  servers: Servers,
  nodes: readonly SimNode[],
  client: SimClient,
  shape: SimShape,
): Promise<string[]> {
  const findings = [...servers.findings];
  findings.push(...(await lostEvents(servers, client, shape)));
  findings.push(...twoOwnersOfAnEpoch(servers));
  findings.push(...deadLetters(servers));
  const outputs = new Map<string, string>();
  for (let shard = 0; shard < shape.shards; shard++) {
    const once = await foldOnce(servers, shard, shape);
    for (const [id, text] of once.outputs) outputs.set(id, text);
    findings.push(...(await miscounted(servers, shard, once.store)));
    findings.push(...(await unredacted(servers, shard)));
    for (const node of nodes) {
      const held = node.contexts.get(shard);
      if (held === undefined || !isReady(node, `shard-${shard}`)) continue;
      findings.push(...differences(`${node.name} shard ${shard}`, contentOf(once.store), contentOf(held)));
    }
  }
  findings.push(...(await wrongOutputs(servers, outputs, client, shape)));
  findings.push(...(await traces(servers, nodes, client)));
  findings.push(...(await wrongReplays(servers, client, shape, asItWas(servers.log))));
  findings.push(...(await unevenReleases(servers, nodes, shape)));
  findings.push(...(await profileDifferences(servers, nodes, shape)));
  findings.push(...miscountedUnits(servers, nodes, shape));
  return findings;
}

/** All entries that a shard's log ever held. */
function entriesOf(servers: Servers, shard: number): LogEntry[] {
  return servers.log.everStored(subjects.shardLog(shard)).flatMap(({ data }) => decodeEntries(data));
}

/** Nothing acknowledged is missing in its log. */
async function lostEvents(servers: Servers, client: SimClient, shape: SimShape): Promise<string[]> {
  const stored = new Set<string>();
  for (let shard = 0; shard < shape.shards; shard++) {
    for (const entry of entriesOf(servers, shard)) {
      if (entry.kind === "behaviour") stored.add(`${entry.user} ${entry.id}`);
    }
  }
  // A request that was held up for long erases once more, whatever was acknowledged meanwhile.
  return [...client.acknowledged].flatMap(([user, ids]) =>
    (client.erased.has(user) ? [] : [...ids])
      .filter((id) => !stored.has(`${user} ${id}`))
      .map((id) => `acknowledged event ${user} ${id} is lost`),
  );
}

/** Nothing that the simulation sends is poison: an entry that threw met two encoders, or a bug. */
function deadLetters(servers: Servers): string[] {
  return servers.log.everStored(subjects.deadLetters).map(({ data }) => {
    if (data.length === 0) return "an entry could not be folded, and its letter went with an erased user";
    const { shard, sequence, code, reason } = decode(data) as DeadLetter;
    return `entry ${sequence} of shard ${shard} could not be folded: ${code} ${reason}`;
  });
}

/** Each user's acts counted from the raw log, each id once, are those that their context has counted. */
async function miscounted(servers: Servers, shard: number, once: ContextStore): Promise<string[]> {
  const acts = new Map<string, Set<string>>();
  for (const entry of entriesOf(servers, shard)) {
    if (entry.kind === "erase")
      for (const user of acts.keys()) if (hashUser(user) === entry.hash) acts.delete(user);
    if (entry.kind !== "behaviour" || ADMINISTRATIVE.includes(entry.type)) continue;
    if (entry.exposure !== undefined) continue;
    if (entry.feedback !== undefined && NO_ACTS.includes(entry.type)) continue;
    acts.set(entry.user, (acts.get(entry.user) ?? new Set()).add(entry.id));
  }
  return [...acts].flatMap(([user, ids]) => {
    const bytes = once.load(user);
    const counted = bytes === undefined ? 0 : decodeContext(user, bytes).events;
    return counted === ids.size ? [] : [`${user} did ${ids.size} things, ${counted} were counted`];
  });
}

/**
 * Whoever was exposed, by the raw logs, is one unit of the arm that they met first. Sums stay as they are when somebody is erased:
 * who comes back is a unit more. Their exposures from before are still here if the log had trimmed them by then, out of reach of
 * a redaction; where some were redacted nobody can tell any more.
 */
function miscountedUnits(servers: Servers, nodes: readonly SimNode[], shape: SimShape): string[] {
  if (servers.redacted.arms.size > 0) return [];
  const counting = new Set<string>();
  const expected = [0, 0];
  for (let shard = 0; shard < shape.shards; shard++)
    for (const entry of entriesOf(servers, shard)) {
      if (entry.kind === "erase")
        for (const user of counting) if (hashUser(user) === entry.hash) counting.delete(user);
      if (entry.kind !== "behaviour" || entry.exposure === undefined || counting.has(entry.user)) continue;
      counting.add(entry.user);
      expected[entry.exposure.arm]!++;
    }
  return nodes.flatMap((node) => {
    if (node.profiles === undefined || !isReady(node, "profiles")) return [];
    const book = new ExperimentBook();
    for (const [name, bytes] of node.profiles.sums(tallyTable("experiments"))) book.restore(name, bytes);
    const [numbers] = readNumbers(book.encode()).numbers.values();
    const counted = [0, 1].map((arm) => numbers?.sums[arm]?.[0] ?? 0);
    const isSame = counted.join() === expected.join();
    return isSame ? [] : [`${node.name} counts ${counted} units, ${expected} were exposed`];
  });
}

/** One node answers an epoch; and once a later one is answered, the earlier ends, but for a hand-over's moment. */
function twoOwnersOfAnEpoch(servers: Servers): string[] {
  const GRACE_MS = 1_500;
  const found: string[] = [];
  const owners = new Map<string, string>();
  const later = new Map<number, { epoch: number; atMs: number }>();
  for (const { shard, epoch, node, atMs } of servers.answers) {
    const key = `shard ${shard} epoch ${epoch}`;
    const owner = owners.get(key);
    if (owner !== undefined && owner !== node) found.push(`${key} was answered by ${owner} and ${node}`);
    owners.set(key, node);
    const newest = later.get(shard);
    if (newest === undefined || epoch > newest.epoch) later.set(shard, { epoch, atMs });
    else if (epoch < newest.epoch && atMs - newest.atMs > GRACE_MS)
      found.push(
        `${key} was answered by ${node} ${Math.round(atMs - newest.atMs)} ms after epoch ${newest.epoch}`,
      );
  }
  return [...new Set(found)];
}

/** No entry of the log as it is held comes before an erasure of its user. */
async function unredacted(servers: Servers, shard: number): Promise<string[]> {
  const stream = subjects.shardLog(shard);
  const { first } = await servers.log.bounds(stream);
  const found: string[] = [];
  const users = new Set<string>();
  for (const { data, sequence } of servers.log.everStored(stream)) {
    if (sequence < first) continue; // A server has overwritten, or soon will, what was trimmed.
    for (const entry of decodeEntries(data)) {
      if (entry.kind === "behaviour") users.add(entry.user);
      if (entry.kind !== "erase") continue;
      if (entry.user !== undefined) found.push(`erasure ${entry.id} still tells of whom it is`);
      for (const user of users)
        if (hashUser(user) === entry.hash) found.push(`entries of ${user} are left from before ${entry.id}`);
    }
  }
  return found;
}

/** Of who was erased nothing is left: nowhere of those who left for good, and of all not in what the log was then. */
async function traces(servers: Servers, nodes: readonly SimNode[], client: SimClient): Promise<string[]> {
  const found: string[] = [];
  const gone = LEAVERS.filter((user) => client.erased.has(user));
  const look = (where: string, bytes: Uint8Array): void => {
    const text = Buffer.from(bytes);
    for (const user of gone) if (text.includes(user)) found.push(`${where} still has ${user}`);
  };
  for (const stream of servers.log.streams())
    for (const { data, sequence } of servers.log.everStored(stream))
      if (sequence >= (await servers.log.bounds(stream)).first)
        look(`message ${sequence} of ${stream}`, data);
  for (const blobs of [servers.blobs, servers.snapshots])
    for (const key of await blobs.keys("")) look(`blob ${key}`, (await blobs.get(key)) ?? new Uint8Array());
  const { cipher, snapshots } = servers;
  const parts = await readableParts({ blobs: snapshots, cipher, compressor: identityCompressor });
  for (const { key, bytes } of parts) look(`snapshot's part ${key}`, bytes);
  for (const node of nodes) {
    for (const [shard, store] of node.contexts) {
      if (!isReady(node, `shard-${shard}`)) continue;
      look(
        `${node.name} shard ${shard}`,
        encode([store.meta(), [...store.contexts()], [...store.authenticated()], store.outbox()]),
      );
      for (const user of gone)
        if (store.loadRing(user).length > 0) found.push(`${node.name} has a ring of ${user}`);
    }
    if (node.profiles === undefined || !isReady(node, "profiles")) continue;
    const meta = node.profiles.meta();
    for (const encoder of [meta?.encoder ?? "", meta?.candidate ?? "", meta?.previous?.encoder ?? ""])
      for (const user of gone)
        if (node.profiles.member(encoder, user) !== undefined)
          found.push(`${node.name} has ${user} as a member`);
  }
  return found.slice(0, 5);
}

/**
 * What was published is what one process would have published: nothing is missing, nothing says something else. What followed from
 * entries that were redacted since nobody can tell any more; and where members were erased, those of them whom a warm-up came
 * to later are others.
 */
async function wrongOutputs(
  servers: Servers,
  expected: ReadonlyMap<string, string>,
  client: SimClient,
  shape: SimShape,
): Promise<string[]> {
  const published = new Map<string, string>();
  const found: string[] = [];
  const redactedIn = (shard: number): ReadonlySet<number> =>
    servers.redacted.sequences.get(subjects.shardLog(shard)) ?? new Set();
  const warmedUp = new Set<number>();
  for (let shard = 0; shard < shape.shards; shard++)
    if (
      redactedIn(shard).size > 0 &&
      entriesOf(servers, shard).some(({ kind }) => kind === "warm-up-continued")
    )
      warmedUp.add(shard);
  const isUntold = (id: string): boolean => {
    const [kind, place = ""] = id.split(" ");
    const [shard = 0, sequence = 0] = place.split(":").map(Number);
    // What was trimmed before an erasure was not redacted, and a copy that folds the log now withholds it.
    const isOfErased = (text = ""): boolean => text.includes(ERASED_SAMPLE);
    if (kind === "sample" && (isOfErased(published.get(id)) || isOfErased(expected.get(id)))) return true;
    // Those of who came back later go as well.
    const text = kind === "transition" ? (expected.get(id) ?? published.get(id) ?? "") : "";
    if (text !== "" && client.erased.has((JSON.parse(text) as { user: string }).user)) return true;
    return redactedIn(shard).has(sequence) || (kind === "sample" && warmedUp.has(shard));
  };
  const take = (id: string, text: string): void => {
    const before = published.get(id);
    // A message that was trimmed before an erasure is out of its reach; a repeat of it that came later was not.
    const isErased = text.includes(ERASED_SAMPLE);
    if (before !== undefined && before !== text && !isErased && !isUntold(id))
      found.push(`${id} was published twice, with two contents`);
    published.set(id, text);
  };
  for (const { data } of servers.log.everStored(subjects.samples)) {
    const message = readSampleMessage(data);
    if (message === undefined) found.push("a message of the samples' stream can't be read");
    else if (!("control" in message)) for (const [id, text] of samplesOf(message)) take(id, text);
  }
  for (const { data } of servers.log.everStored(subjects.transitions)) {
    if (data.length === 0) continue; // Of somebody who was erased.
    const text = new TextDecoder().decode(data);
    take(`transition ${(JSON.parse(text) as { id: string }).id}`, text);
  }
  for (const [id, text] of expected)
    if (published.get(id) !== text && !isUntold(id)) found.push(`${id} was not published as it should be`);
  for (const id of published.keys())
    if (!expected.has(id) && !isUntold(id)) found.push(`${id} was published for no reason`);
  return found;
}

/** Every shard's log got the same releases, and an encoder whose roll-out began is in force. */
async function unevenReleases(
  servers: Servers,
  nodes: readonly SimNode[],
  shape: SimShape,
): Promise<string[]> {
  const found: string[] = [];
  let first: string | undefined;
  let prepared = "";
  let segments = 0;
  for (let shard = 0; shard < shape.shards; shard++) {
    const releases = new Set<string>();
    for (const entry of entriesOf(servers, shard)) {
      if (entry.kind === "encoder-prepared") prepared = entry.encoder;
      else if (entry.kind === "segments-prepared") segments = Math.max(segments, entry.version);
      else if (!OF_ONE_SHARD.includes(entry.kind)) releases.add(JSON.stringify(entry));
    }
    const all = [...releases].sort().join("\n");
    first ??= all;
    if (all !== first) found.push(`the log of shard ${shard} has other releases than that of shard 0`);
  }
  const metas = nodes.flatMap((node) => [...node.contexts.values()].map((store) => store.meta()));
  const isTakenBack = nodes.some((node) => node.profiles?.meta()?.rolledBackFrom === prepared);
  if (prepared !== "" && !isTakenBack && !metas.some((meta) => meta?.encoder === prepared))
    found.push("an encoder was rolled out and is not in force");
  if (segments > 0 && !metas.some((meta) => meta?.segments === segments))
    found.push("definitions were put and are not in force");
  return found;
}

function samplesOf(batch: SampleBatch): [string, string][] {
  const samples = batch.samples.map((sample): [string, string] => [
    `sample ${batch.shard}:${sample.sequence}:${sample.index}`,
    JSON.stringify({ ...sample, vector: [...sample.vector] }),
  ]);
  const tallies = (batch.tallies ?? []).map((change): [string, string] => [
    `tally ${batch.shard}:${change.sequence}:${change.index}`,
    JSON.stringify(change),
  ]);
  const removals = (batch.removals ?? []).map((removal): [string, string] => [
    `removal ${batch.shard}:${removal.sequence}:${removal.index}`,
    removal.hash ?? hashUser(removal.user),
  ]);
  return [...samples, ...removals, ...tallies];
}

/** Every copy of the profile actor holds what one fold of the samples' stream gives. */
async function profileDifferences(
  servers: Servers,
  nodes: readonly SimNode[],
  shape: SimShape,
): Promise<string[]> {
  const once = memoryProfileStore();
  const host = await startProfileHost(
    { ...world(servers), log: asItWas(servers.log), releases: servers.blobs, store: once },
    { shards: shape.shards, publishEveryMs: Number.POSITIVE_INFINITY },
  );
  const { last } = await servers.log.bounds(subjects.samples);
  await servers.time.until(() => (once.meta()?.applied ?? 0) >= last, 10_000);
  const stopped = host.stop();
  await servers.time.until(() => false, 2_000);
  await stopped;
  const expected = profileContentOf(once);
  return nodes.flatMap((node) => {
    if (node.profiles === undefined || !isReady(node, "profiles")) return [];
    return differences(`${node.name} profiles`, expected, profileContentOf(node.profiles));
  });
}

function profileContentOf(store: ProfileStore): Map<string, string> {
  const meta = store.meta();
  const content = new Map<string, string>([["meta", JSON.stringify(meta)]]);
  for (const encoder of [meta?.encoder ?? "", meta?.candidate ?? "", meta?.previous?.encoder ?? ""]) {
    if (encoder === "") continue;
    for (const [key, bytes] of store.sums(encoder)) content.set(`${encoder} ${key}`, hex(bytes));
  }
  for (const [key, bytes] of store.sums(PRIVATE_TABLE)) content.set(`private ${key}`, hex(bytes));
  for (const tally of Object.keys(meta?.tallies?.versions ?? {}))
    for (const [key, bytes] of store.sums(tallyTable(tally))) content.set(`${tally} ${key}`, hex(bytes));
  return content;
}

/** As {@link foldWhole}, once more if the log grew meanwhile: what was quiet may publish once in a while. */
async function foldOnce(...given: Parameters<typeof foldWhole>): ReturnType<typeof foldWhole> {
  const [servers, shard] = given;
  for (;;) {
    const once = await foldWhole(...given);
    if ((once.store.meta()?.applied ?? 0) >= servers.log.lastOf(subjects.shardLog(shard))) return once;
  }
}

/** Folds a shard's log in one process, and notes what it would publish. */
async function foldWhole(
  servers: Servers,
  shard: number,
  shape: SimShape,
): Promise<{ store: ContextStore; outputs: Map<string, string> }> {
  const store = memoryContextStore();
  const outputs = new Map<string, string>();
  const log: Log = {
    ...asItWas(servers.log),
    async append(stream, messages) {
      for (const { id, data } of messages) {
        if (stream === subjects.samples)
          for (const [name, text] of samplesOf(decode(data) as SampleBatch)) outputs.set(name, text);
        else if (stream === subjects.transitions)
          outputs.set(`transition ${id}`, new TextDecoder().decode(data));
      }
      return messages.map(() => 0);
    },
  };
  const host = await startShardHost(
    { ...world(servers), log, store, releases: releasesOf(servers.blobs) },
    {
      shard,
      shards: shape.shards,
      node: "once",
      residentUsers: 1_000_000,
      ringEvents: shape.ringEvents,
      batchEntries: 50,
    },
  );
  await host.own({ epoch: 1, session: 1, isHeld: () => true });
  const { last } = await servers.log.bounds(subjects.shardLog(shard));
  await servers.time.until(() => (store.meta()?.applied ?? 0) >= last && store.outbox().length === 0, 10_000);
  const stopped = host.stop();
  await servers.time.until(() => false, 1_000);
  await stopped;
  return { store, outputs };
}

function world(servers: Servers) {
  return {
    bus: memoryBus(),
    clock: servers.time,
    sleep: servers.time.sleep,
    pause: () => servers.time.sleep(0),
    newId: () => "once",
    decisionKey: [1, 2] as const,
    hashUser,
    bits: insecureBits(0), // Nothing is drawn again: it is in the log.
    subjects,
  };
}

/** Everything that was ever stored, to be read from the beginning; nothing is added. */
function asItWas(log: MemoryLog): Log {
  return {
    ensure: async () => {},
    append: async (_, messages) => messages.map(() => 0),
    bounds: async (stream) => ({ first: 1, last: log.lastOf(stream) }),
    last: async (stream) => log.lastOf(stream),
    async *range(stream, from, to) {
      yield log.everStored(stream).slice(from - 1, to);
    },
    trim: async () => 1,
    redact: async () => {},
    async messagesAt(stream, sequences) {
      const messages = log.everStored(stream);
      return sequences.flatMap((sequence) => messages[sequence - 1] ?? []);
    },
    async read(stream, from) {
      const messages = log.everStored(stream);
      const closed = Promise.withResolvers<readonly LogMessage[]>();
      let next = from - 1;
      return {
        lag: () => messages.length - next,
        async next(max) {
          if (next >= messages.length) return closed.promise;
          const taken = messages.slice(next, next + max);
          next += taken.length;
          return taken;
        },
        async close() {
          closed.resolve([]);
        },
      };
    },
  };
}

/** Contexts, rings and the versions in force; what an outbox holds is a copy's own. */
function contentOf(store: ContextStore): Map<string, string> {
  const meta = store.meta();
  const content = new Map<string, string>();
  if (meta !== undefined) content.set("meta", JSON.stringify({ ...meta, nextOutbox: 0 }));
  for (const [user, bytes] of store.contexts()) {
    content.set(user, hex(bytes));
    content.set(
      `${user} ring`,
      store
        .loadRing(user)
        .map(([slot, event]) => `${slot}=${hex(event)}`)
        .join(),
    );
  }
  content.set("authenticated", [...store.authenticated()].join());
  return content;
}

function differences(
  what: string,
  expected: ReadonlyMap<string, string>,
  held: ReadonlyMap<string, string>,
): string[] {
  const keys = new Set([...expected.keys(), ...held.keys()]);
  const found: string[] = [];
  for (const key of keys)
    if (expected.get(key) !== held.get(key)) found.push(`${what} differs from a single fold in ${key}`);
  return found.slice(0, 5);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
