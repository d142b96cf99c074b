import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Append, Log, LogReader } from "../../src/actors/log.ts";
import type { UnitCopy } from "../../src/actors/unit-copy.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import { encodeProfileControl, type ProfileControl } from "../../src/events/profile-control.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { PRIVATE_TABLE } from "../../src/profiles/private-releases.ts";
import { decodeClosedBucket } from "../../src/profiles/private-series.ts";
import { startProfileHost } from "../../src/profiles/profile-host.ts";
import type { PendingPublication, ProfileStore } from "../../src/profiles/profile-store.ts";
import { calibrationKey } from "../../src/profiles/profiles-codec.ts";
import type { SampleBatch } from "../../src/profiles/sample.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import { preparedKey, type SegmentMap } from "../../src/resonance/segment-map.ts";
import { insecureBits } from "../privacy/insecure-seeded-bits.ts";
import { aMap, aPrivacy, aSample, DAY_MS, NOON_MS } from "./some-samples.ts";

const SHARDS = 2;
/** Copies that take part; two more fold everything at the end. */
const COPIES = 3;
const HOUR_MS = 3_600_000;
const subjects = subjectsOf("test");
const FIRST_SHARDS = { from: subjects.outputKey(0), count: SHARDS };
const shardLogs = Array.from({ length: SHARDS }, (_, shard) => subjects.shardLog(shard));

/** Windows that shrink and grow, buckets of other lengths, maps that go and come back. */
const DEFINITIONS: readonly (readonly SegmentMap[])[] = [
  [aMap()],
  [aMap({ window: { bucketMs: DAY_MS, buckets: 2 } }), aMap({ name: "taste" })],
  [aMap({ window: { bucketMs: DAY_MS, buckets: 30 } })],
  [aMap({ name: "taste", window: { bucketMs: HOUR_MS, buckets: 30 } })],
  [aMap({ window: { bucketMs: 2 * DAY_MS, buckets: 9 } }), aMap({ name: "taste" })],
  [aMap({ window: { bucketMs: DAY_MS, buckets: 3 }, privacy: aPrivacy() }), aMap({ name: "taste" })],
  [
    aMap({
      window: { bucketMs: 12 * HOUR_MS, buckets: 4 },
      privacy: aPrivacy({ contributions: 2, versions: 1, closedBy: "events" }),
    }),
  ],
];

type Step =
  | Readonly<{
      kind: "samples";
      shard: number;
      samples: readonly SomeSample[];
      removed: readonly string[];
      prepared: readonly string[];
    }>
  | Readonly<{ kind: "repeat" }>
  | Readonly<{ kind: "define" | "warm"; maps: number }>
  | Readonly<{ kind: "control"; message: ProfileControl }>
  | Readonly<{ kind: "own"; copy: number; zombie: boolean }>
  | Readonly<{ kind: "rest" | "restart"; copy: number }>
  | Readonly<{ kind: "pass"; ms: number }>;

type SomeSample = Readonly<{
  user: string;
  encoder: string;
  hours: number;
  labels: Record<string, string>;
  x: number;
}>;

/** Calibrations that may be put in force; every encoder has them, each with another temperature. */
const CALIBRATIONS = ["c1", "c2"];
const someEncoder = fc.constantFrom("e1", "e1", "e2", "e3");
const someSegment = fc.constantFrom("new", "loyal", "unheard-of");
const someCopy = fc.nat({ max: COPIES - 1 });
const someSample: fc.Arbitrary<SomeSample> = fc.record({
  user: fc.constantFrom("ada", "bob", "cyd", "dan"),
  encoder: someEncoder,
  hours: fc.nat({ max: 24 * 20 }),
  labels: fc.record({ life: someSegment, taste: someSegment }, { requiredKeys: [] }),
  x: fc.integer({ min: -900, max: 900 }),
});
const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant("samples" as const),
      shard: fc.nat({ max: SHARDS - 1 }),
      samples: fc.array(someSample, { maxLength: 4 }),
      removed: fc.array(fc.constantFrom("ada", "bob"), { maxLength: 1 }),
      prepared: fc.array(fc.oneof(someEncoder, fc.constant("segments")), { maxLength: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "repeat" as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("define" as const),
      maps: fc.nat({ max: DEFINITIONS.length - 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("warm" as const),
      maps: fc.nat({ max: DEFINITIONS.length - 1 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc
      .oneof(
        fc.constant({ control: "publish" } as const),
        someEncoder.map((encoder) => ({ control: "prepare", encoder, shards: FIRST_SHARDS }) as const),
        fc
          .record({ encoder: someEncoder, calibration: fc.constantFrom(...CALIBRATIONS) })
          .map((of) => ({ control: "calibrate", ...of }) as const),
        someEncoder.map(
          (encoder) => ({ control: "prepare", encoder, shards: FIRST_SHARDS, hold: true }) as const,
        ),
        someEncoder.map((encoder) => ({ control: "promote", encoder }) as const),
        someEncoder.map((encoder) => ({ control: "discard", encoder }) as const),
        someEncoder.map((from) => ({ control: "rollback", from }) as const),
      )
      .map((message) => ({ kind: "control" as const, message })),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("own" as const), copy: someCopy, zombie: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("rest" as const, "restart" as const), copy: someCopy }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("pass" as const), ms: fc.nat({ max: 3_000 }) }) },
);

/** Once it never came to rest: calibrations of no encoder were looked for under a name that no store takes. */
const DEFINED_BEFORE_ANY_ENCODER: Step[] = [
  { kind: "warm", maps: 0 },
  ...[0, 1].map(
    (shard): Step => ({ kind: "samples", shard, samples: [], removed: [], prepared: ["segments"] }),
  ),
];

test("copies hold the same to the last byte and release the same, however they batch, restart and take over, with two owners too", async () => {
  const holds = async (steps: readonly Step[], remembersIds: boolean, seed: number): Promise<void> => {
    const world = await aWorld(remembersIds, seededRandom(seed));
    for (const step of steps) await world.take(step);
    await world.comeToRest();
    const [first, ...others] = world.contents();
    for (const other of others) expect(other).toEqual(first);
    await world.expectSoundReleases();
  };
  await fc.assert(
    fc.asyncProperty(fc.array(someStep, { maxLength: 60, size: "max" }), fc.boolean(), fc.nat(), holds),
    { numRuns: 300, examples: [[DEFINED_BEFORE_ANY_ENCODER, false, 0]] },
  );
}, 60_000);

type Copy = {
  readonly store: ProfileStore;
  readonly batch: number;
  /** Of the shards, as the copy's node knows them. */
  readonly generation: number;
  host: UnitCopy;
  lease: { held: boolean } | undefined;
};

/** Copies of the profile actor over one log, one set of blobs and one clock. */
async function aWorld(remembersIds: boolean, random: Random) {
  let nowMs = 0;
  let messages = 0;
  let epoch = 0;
  let underWay = 0;
  let version = 0;
  let last: Append | undefined;
  const sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();
  const clock = { nowMs: () => NOON_MS + nowMs, monotonicMs: () => nowMs };
  const log = new MemoryLog(clock, undefined, remembersIds ? {} : { duplicateWindowMs: 0 });
  const blobs = memoryBlobStore();
  /** Every content that was ever written under a key. */
  const written = new Map<string, Set<string>>();
  /** Every content that any copy made of a release, also of those that another has carried out. */
  const released = new Map<string, Set<string>>();
  for (const stream of [subjects.samples, ...shardLogs]) await log.ensure(stream);

  /** An effect as over a wire: what another owner does may come before it, and now and then much of it. */
  const overTheWire = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    underWay++;
    await turns(Math.floor(random() * (random() < 0.1 ? 90 : 6)));
    underWay--;
    return act();
  };
  const startHost = ({ store, batch, generation }: Omit<Copy, "host" | "lease">): Promise<UnitCopy> =>
    startProfileHost(
      {
        log: {
          ...inBatchesOf(log, batch),
          append: (...given) => overTheWire(() => log.append(...given)),
        },
        bus: memoryBus(),
        releases: {
          ...blobs,
          put: (key, bytes) =>
            overTheWire(async () => {
              written.set(key, (written.get(key) ?? new Set()).add(hex(bytes)));
              await blobs.put(key, bytes);
            }),
        },
        store: keptOpen(store, (pending) => {
          for (const { id, ...release } of pending)
            released.set(id, (released.get(id) ?? new Set()).add(hex(encode(release))));
        }),
        clock,
        sleep: (ms) => new Promise((wake) => sleepers.add({ atMs: nowMs + ms, wake: () => wake() })),
        subjects: subjectsOf("test", generation),
        bits: insecureBits(copies.length),
      },
      { shards: SHARDS * generation, publishEveryMs: 1_000 },
    );
  const copies: Copy[] = [];
  const addCopies = async (generation: number, ...batches: readonly number[]): Promise<void> => {
    for (const batch of batches) {
      const copy = { store: memoryProfileStore(), batch, generation };
      copies.push({ ...copy, host: await startHost(copy), lease: undefined });
    }
  };
  await addCopies(1, 1, 3, 200);

  const append = async (data: Uint8Array): Promise<void> => {
    last = { id: `message-${++messages}`, data };
    await log.append(subjects.samples, [last]);
  };
  const define = async (maps: readonly SegmentMap[]): Promise<void> => {
    version++;
    await blobs.put(`segments.${version}`, new TextEncoder().encode(JSON.stringify({ version, maps })));
    await append(encodeProfileControl({ control: "definitions", version }));
  };
  /** As the gateway does it: a map whose members may be others is built under a new key. */
  const warm = async (maps: readonly SegmentMap[]): Promise<void> => {
    version++;
    const keys = Object.fromEntries(maps.map(({ name }) => [name, `${name}@${version}`]));
    const json = JSON.stringify({ version, maps, keys });
    await blobs.put(`segments.${version}`, new TextEncoder().encode(json));
    const control = "definitions-prepared";
    await append(encodeProfileControl({ control, version, shards: FIRST_SHARDS }));
  };
  const wake = (untilMs: number): void => {
    for (const sleeper of sleepers) {
      if (sleeper.atMs > untilMs) continue;
      sleepers.delete(sleeper);
      sleeper.wake();
    }
  };
  const pass = async (ms: number): Promise<void> => {
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs = Math.min(endMs, nowMs + 100);
      wake(nowMs);
      await turns(2);
    }
  };
  /** Time goes on while something waits for it. */
  const meanwhile = async (work: Promise<void>): Promise<void> => {
    let isDone = false;
    void work.finally(() => {
      isDone = true;
    });
    for (let tries = 0; !isDone; tries++) {
      if (tries > 500) throw new Error("it never ends");
      await pass(100);
    }
    await work;
  };
  const own = async (copy: Copy, isZombieLeft: boolean): Promise<void> => {
    for (const other of copies) if (!isZombieLeft && other.lease !== undefined) other.lease.held = false;
    const lease = { held: true };
    copy.lease = lease;
    await copy.host.own({ epoch: ++epoch, session: 1, isHeld: () => lease.held });
  };
  const rest = async (copy: Copy): Promise<void> => {
    if (copy.lease !== undefined) copy.lease.held = false;
    await meanwhile(copy.host.rest());
    copy.lease = undefined;
  };
  const restart = async (copy: Copy): Promise<void> => {
    copy.lease = undefined;
    await meanwhile(copy.host.stop());
    copy.host = await startHost(copy);
  };
  const isFolded = (): boolean =>
    copies.every(({ store }) => (store.meta()?.applied ?? 0) === log.lastOf(subjects.samples));
  const until = async (isTrue: () => boolean): Promise<void> => {
    for (let tries = 0; !isTrue(); tries++) {
      if (tries > 1_000) throw new Error("it never comes to that");
      await pass(100);
    }
  };
  for (const encoder of ["e1", "e2", "e3"]) {
    for (const [c, name] of CALIBRATIONS.entries()) {
      const stored = { ...defaultCalibration(encoder, "life", 2), kappa: [c + 1, 2, 3, 4, 5] };
      const bytes = new TextEncoder().encode(JSON.stringify([stored]));
      await blobs.put(calibrationKey(encoder, name), bytes);
    }
  }
  await define(DEFINITIONS[0] ?? []);

  return {
    async take(step: Step): Promise<void> {
      switch (step.kind) {
        case "samples":
          return append(encode(batchOf(step, messages, version)));
        case "repeat":
          return last === undefined ? undefined : append(last.data);
        case "define":
          return define(DEFINITIONS[step.maps] ?? []);
        case "warm":
          return warm(DEFINITIONS[step.maps] ?? []);
        case "control":
          return append(encodeProfileControl(step.message));
        case "own":
          return own(copies[step.copy]!, step.zombie);
        case "rest":
          return rest(copies[step.copy]!);
        case "restart":
          return restart(copies[step.copy]!);
        case "pass":
          return pass(step.ms);
      }
    },

    /** One owner publishes what is left, others fold all at once, after the shards were split; then each goes through its members once more. */
    async comeToRest(): Promise<void> {
      for (const copy of copies) await rest(copy);
      await until(() => underWay === 0 && isFolded());
      const [owner] = copies as [Copy];
      await own(owner, false);
      const { store } = owner;
      const isPublished = () => store.meta()?.isDirty === false && store.pending().length === 0;
      await until(() => isFolded() && isPublished() && !awaitsNoise(store));
      await rest(owner);
      await addCopies(2, 1, 200);
      await until(isFolded);
      for (const copy of copies) await restart(copy);
      await append(encodeProfileControl({ control: "published", id: "nothing" }));
      await until(isFolded);
      for (const copy of copies) await meanwhile(copy.host.stop());
    },

    contents: () => copies.map(({ store }) => contentOf(store)),

    /** Releases are the same for every shard that passes over what is not newer, and no version had two contents. */
    async expectSoundReleases(): Promise<void> {
      for (const contents of released.values()) expect(contents.size).toBe(1);
      const accepted: string[][] = [];
      for (const stream of shardLogs) accepted.push(await acceptedEntries(log, stream));
      for (const entries of accepted) expect(entries).toEqual(accepted[0]);
      const { versions } = copies[0]!.store.meta()!;
      for (const [map, newest] of Object.entries(versions)) {
        for (let at = 1; at <= newest; at++) expect(written.get(`profiles.${map}.${at}`)?.size).toBe(1);
        const current = new TextDecoder().decode(await blobs.get(`profiles.${map}.current`));
        expect(JSON.parse(current)).toEqual({ version: newest });
      }
    },
  };
}

function batchOf(step: Extract<Step, { kind: "samples" }>, sequence: number, version: number): SampleBatch {
  const samples = step.samples.map(({ user, encoder, hours, labels, x }, index) => {
    const beside = Object.entries(labels).map(([map, segment]) => [`${map}@${version}`, segment]);
    const all = { ...labels, ...Object.fromEntries(beside) };
    const tsMs = NOON_MS + hours * HOUR_MS;
    return aSample({ sequence, index, user, encoder, labels: all, tsMs, vector: [x, -x] });
  });
  const prepared = step.prepared.map((what) => (what === "segments" ? preparedKey(version) : what));
  const removals = step.removed.map((user) => ({ sequence, index: samples.length, user }));
  return { shard: step.shard, samples, removals, prepared };
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a shard takes in of its log: what is not newer is a repeat. */
async function acceptedEntries(log: Log, stream: string): Promise<string[]> {
  const { last } = await log.bounds(stream);
  if (last === 0) return [];
  const reader = await log.read(stream, 1);
  const versions = new Map<string, number>();
  let order = 0;
  let definitions = 0;
  const accepted: string[] = [];
  for (const { data } of await reader.next(last)) {
    const entry = decodeEntries(data)[0]!;
    if (entry.kind === "profiles-activated") {
      if (entry.version <= (versions.get(entry.map) ?? 0)) continue;
      versions.set(entry.map, entry.version);
    } else if (entry.kind === "encoder-discarded") {
      if (entry.order <= order) continue;
      order = entry.order;
    } else if (entry.kind === "encoder-activated" || entry.kind === "segments-activated") {
      if (entry.kind === "encoder-activated") {
        if (entry.order <= order) continue;
        order = entry.order;
      } else {
        if (entry.version <= definitions) continue;
        definitions = entry.version;
      }
      for (const [map, version] of Object.entries(entry.profiles ?? {})) {
        expect(version).toBeGreaterThan(versions.get(map) ?? 0);
        versions.set(map, version);
      }
    }
    accepted.push(hex(data));
  }
  await reader.close();
  return accepted;
}

function contentOf(store: ProfileStore): Record<string, string> {
  const meta = store.meta();
  const content: Record<string, string> = {
    meta: hex(encode(meta)),
    pending: hex(encode(store.pending())),
    readable: JSON.stringify(meta),
  };
  for (const encoder of ["e1", "e2", "e3", PRIVATE_TABLE]) {
    for (const [key, bytes] of store.sums(encoder)) content[`sum ${encoder} ${key}`] = hex(bytes);
    for (const [user, bytes] of store.membersAfter(encoder, undefined, 1_000))
      content[`member ${encoder} ${user}`] = hex(bytes);
  }
  return content;
}

function awaitsNoise(store: ProfileStore): boolean {
  const rows = [...store.sums(PRIVATE_TABLE)].filter(([row]) => row.startsWith("bucket "));
  return rows.some(([, bytes]) => decodeClosedBucket(bytes).exact.size > 0);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function inBatchesOf(log: Log, batch: number): Log {
  return {
    ensure: (...given) => log.ensure(...given),
    append: (...given) => log.append(...given),
    bounds: (...given) => log.bounds(...given),
    last: (...given) => log.last(...given),
    range: (...given) => log.range(...given),
    trim: (...given) => log.trim(...given),
    redact: (...given) => log.redact(...given),
    messagesAt: (...given) => log.messagesAt(...given),
    async read(stream, from): Promise<LogReader> {
      const reader = await log.read(stream, from);
      return {
        next: (max) => reader.next(Math.min(max, batch)),
        lag: () => reader.lag(),
        close: () => reader.close(),
      };
    },
  };
}

/** A store that outlives its host; `note` is told of the releases in each commit. */
function keptOpen(store: ProfileStore, note: (pending: readonly PendingPublication[]) => void): ProfileStore {
  return {
    meta: () => store.meta(),
    pending: () => store.pending(),
    member: (...given) => store.member(...given),
    membersAfter: (...given) => store.membersAfter(...given),
    sums: (encoder) => store.sums(encoder),
    scrub: () => store.scrub(),
    commit: (commit) => {
      note(commit.pending ?? []);
      return store.commit(commit);
    },
    close: async () => {},
  };
}
