import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import type { ErasingCopy } from "./actors/erasing-copy.ts";
import type { Log } from "./actors/log.ts";
import { renewSnapshots } from "./actors/renew-snapshots.ts";
import { raiseFloor } from "./actors/snapshot-floor.ts";
import {
  parseSnapshotKey,
  type SnapshotManifest,
  snapshotOutdated,
  snapshotPrefix,
} from "./actors/snapshot-manifest.ts";
import type { Tracer } from "./actors/tracer.ts";
import { Turns } from "./actors/turns.ts";
import type { UnitCopy } from "./actors/unit-copy.ts";
import type { UnitMeter } from "./actors/unit-meter.ts";
import type { SnapshotPorts } from "./actors/write-snapshot.ts";
import type { Subjects } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import { forgetIdle } from "./forget-idle.ts";
import type { Clock } from "./kernel/clock.ts";
import { EngineError } from "./kernel/engine-error.ts";
import type { HalfSipKey } from "./kernel/half-sip-hash.ts";
import type { HideId } from "./kernel/hidden-ids.ts";
import type { Report } from "./kernel/report.ts";
import type { RandomBits } from "./privacy/random-bits.ts";
import type { HashUser } from "./privacy/user-hash.ts";
import { startProfileHost } from "./profiles/profile-host.ts";
import type { ProfileStore } from "./profiles/profile-store.ts";
import { restoreProfiles, snapshotProfiles } from "./profiles/snapshot-profiles.ts";
import type { PurgedCounts } from "./purge-users.ts";
import type { Releases } from "./releases.ts";
import { Scrubber } from "./scrubber.ts";
import { ShardEraser } from "./shard-eraser.ts";
import { contextSchema } from "./shards/context-codec.ts";
import type { ContextStore } from "./shards/context-store.ts";
import { startShardHost } from "./shards/shard-host.ts";
import { restoreShard } from "./shards/snapshot-read.ts";
import { firstWaiting, snapshotShard } from "./shards/snapshot-write.ts";
import { keepSnapshots, type SnapshotDuty } from "./snapshot-duty.ts";
import type { UnitFigures } from "./unit-figures.ts";
import { PROFILES_UNIT, shardOfUnit, shardUnit } from "./units.ts";

/** What copies need of the thread that they live in. */
export type CopyWorld = Readonly<{
  log: Log;
  bus: Bus;
  blobs: BlobStore;
  snapshots: SnapshotPorts;
  /** Takes users out of the streams that nothing is folded from. */
  purge(users: ReadonlySet<string>): Promise<PurgedCounts>;
  /** What stands for erased users in the logs. */
  hashUser: HashUser;
  releases: Releases;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  newId(): string;
  /** What the ids of answers are sealed with. */
  decisionKey: HalfSipKey;
  /** For the noise of private maps. */
  bits: RandomBits;
  subjects: Subjects;
  report: Report;
  /** What stands in reports for a user. */
  hideUser?: HideId;
  /** Shared by the copies of a thread. */
  turns?: Turns;
  /** Records traces; left out where none are wanted. */
  tracer?: Tracer;
  /** Measures what the copies of the thread do together. */
  meter?: UnitMeter;
  /** What tells of each of them, by unit. */
  figures?: Map<string, () => UnitFigures>;
}>;

/** Where a copy keeps what it folds. */
export type StorePlace<Store> = Readonly<{
  /** @throws EngineError `STORE_CORRUPT`: then it must be set aside. */
  open(): Store;
  /** Moves a store, which is closed, out of the way. @returns Where to. */
  setAside(): string;
}>;

export type CopyStores = Readonly<{
  contexts(shard: number): StorePlace<ContextStore>;
  profiles(): StorePlace<ProfileStore>;
}>;

export type CopyOptions = Readonly<{
  node: string;
  /** Number of shards of the deployment. */
  shards: number;
  residentUsers: number;
  ringEvents: number;
  batchEntries: number;
  publishEveryMs: number;
  snapshotEveryMs: number;
  keepLogMs: number;
  /** Users of whom nothing was heard for so long are erased, ms; Infinity: never. */
  idleMs: number;
}>;

/**
 * Opens this node's copy of a unit, as a standby: over its own store if that is whole and the log goes on where it
 * ends, else from the newest snapshot that is whole, else from the log's beginning. A store that proves damaged, now or
 * later, is set aside.
 *
 * @throws EngineError `LOG_TRIMMED` if none of these leads to the present.
 */
export async function openCopy(
  unit: string,
  world: CopyWorld,
  stores: CopyStores,
  options: CopyOptions,
): Promise<UnitCopy> {
  const shard = shardOfUnit(unit);
  if (shard !== undefined) {
    const place = stores.contexts(shard);
    return settingAside(place, world.report, () => openShard(shard, place, world, options));
  }
  if (unit === PROFILES_UNIT) {
    const place = stores.profiles();
    return settingAside(place, world.report, () => openProfiles(place, world, options));
  }
  throw new Error(`no such unit: ${unit}`);
}

async function openShard(
  shard: number,
  place: StorePlace<ContextStore>,
  world: CopyWorld,
  options: CopyOptions,
): Promise<UnitCopy> {
  const unit = shardUnit(shard);
  const kept = world.subjects.snapshotsOf(unit);
  const stream = world.subjects.shardLog(shard);
  const { first, last } = await world.log.bounds(stream);
  const store = await openReachable(unit, place, first, world.report);
  return orClose(store, async () => {
    if (store.meta() === undefined) {
      const restored = await restoreShard(world.snapshots, store, {
        unit: kept,
        accepts: ({ facts, sequence }) =>
          facts["schema"] === contextSchema(FEATURES) && sequence + 1 >= first && sequence <= last,
        report: (error) => tellDamaged(world.report, unit, error),
      });
      if (restored !== undefined)
        world.report(`${unit}: restored ${restored.facts["users"]} users as of entry ${restored.sequence}`, {
          event: "unit.restored",
          unit,
        });
    }
    const copy = await startShardHost(
      { ...world, pause: world.snapshots.pause, store },
      {
        shard,
        shards: options.shards,
        node: options.node,
        residentUsers: options.residentUsers,
        ringEvents: options.ringEvents,
        batchEntries: options.batchEntries,
      },
    );
    const { erasing } = copy;
    world.figures?.set(unit, () => copy.figures());
    const turns = new Turns();
    const write = (isFull = false) =>
      turns.take(() =>
        snapshotShard(world.snapshots, store, {
          unit: kept,
          loggedAtMs: () => undefined,
          isFull,
          baseFrom: ({ erasures = [] }) => erasures.at(-1)?.sequence ?? 0,
        }),
      );
    const scrubber = new Scrubber({ ...world, store }, erasing, () => world.clock.monotonicMs());
    const eraser = new ShardEraser(
      {
        ...world,
        pause: world.snapshots.pause,
        renewSnapshots: (through) =>
          renewed(world.snapshots.blobs, kept, through, async () => {
            await untilPublished(world, store, { unit: kept, through });
            return write(true);
          }),
        scrubbed: (through) => scrubber.scrubbed(through),
      },
      { shard, shards: options.shards },
      erasing,
    );
    // A log must tell whom an erasure is of until it is done.
    const keepFrom = () => erasing.pending()[0]?.sequence ?? erasing.applied() + 1;
    const duty = { ...dutyOf(kept, stream, world, options, write), keepFrom };
    const lasting = keepSnapshots(keepErasing(copy, scrubber, eraser), duty);
    return forgetIdle(lasting, { ...world, store, unit, stream, idleMs: options.idleMs });
  });
}

async function openProfiles(
  place: StorePlace<ProfileStore>,
  world: CopyWorld,
  options: CopyOptions,
): Promise<UnitCopy> {
  const { blobs, snapshots, ...rest } = world;
  const unit = PROFILES_UNIT;
  const stream = world.subjects.samples;
  const { first, last } = await world.log.bounds(stream);
  const store = await openReachable(unit, place, first, world.report);
  return orClose(store, async () => {
    if (store.meta() === undefined) {
      const restored = await restoreProfiles(snapshots, unit, store, {
        accepts: ({ sequence }) => sequence + 1 >= first && sequence <= last,
        report: (error) => tellDamaged(world.report, unit, error),
      });
      if (restored !== undefined)
        world.report(`${unit}: restored as of message ${restored.sequence}`, {
          event: "unit.restored",
          unit,
        });
    }
    const turns = new Turns();
    const write = () => turns.take(() => snapshotProfiles(snapshots, unit, store));
    const scrubbed = async (through: number): Promise<number> => {
      await scrubber.scrubbed(through);
      return renewed(snapshots.blobs, unit, through, write);
    };
    const copy = await startProfileHost(
      { ...rest, pause: snapshots.pause, releases: blobs, store, scrubbed },
      { shards: options.shards, publishEveryMs: options.publishEveryMs },
    );
    world.figures?.set(unit, () => copy.figures());
    const scrubber = new Scrubber({ ...world, store }, copy.erasing, () => world.clock.monotonicMs());
    return keepSnapshots(keepErasing(copy, scrubber), dutyOf(unit, stream, world, options, write));
  });
}

/** Replaces a unit's snapshots from before a place, if it has any. @returns Blobs that went. */
async function renewed(
  blobs: BlobStore,
  unit: string,
  since: number,
  writeFull: () => Promise<SnapshotManifest | undefined>,
): Promise<number> {
  await raiseFloor(blobs, unit, since); // Also one that is being written now.
  const keys = await blobs.keys(snapshotPrefix(unit));
  const hasAny = keys.some((key) => parseSnapshotKey(unit, key) !== undefined);
  return hasAny ? renewSnapshots(blobs, unit, { since, writeFull }) : 0;
}

/**
 * Resolves once a store has no outputs of entries up to a place: those that are published leave it a moment later, and until then
 * a snapshot would hold whom they name.
 *
 * @throws EngineError `SNAPSHOT_OUTDATED` (retryable): somebody else may own the unit by now.
 */
async function untilPublished(
  { clock, sleep }: Pick<CopyWorld, "clock" | "sleep">,
  store: ContextStore,
  { unit, through }: Readonly<{ unit: string; through: number }>,
): Promise<void> {
  const deadlineMs = clock.monotonicMs() + PUBLISHED_PATIENCE_MS;
  while ((firstWaiting(store) ?? through + 1) <= through) {
    if (clock.monotonicMs() >= deadlineMs) throw snapshotOutdated(unit, through);
    await sleep(PUBLISHED_LOOK_MS);
  }
}

/** A copy that forgets users, with what carries that out. */
function keepErasing(copy: ErasingCopy, scrubber: Scrubber, eraser?: ShardEraser): UnitCopy {
  return {
    done: copy.done,
    async own(lease) {
      await copy.own(lease);
      await eraser?.own(lease);
    },
    drain: () => copy.drain(),
    async rest() {
      await eraser?.rest();
      await copy.rest();
    },
    lag: () => copy.lag(),
    async stop() {
      await Promise.all([eraser?.stop(), scrubber.stop()]); // An erasure under way may wait for a scrub.
      await copy.stop();
    },
  };
}

function dutyOf(
  unit: string,
  stream: string,
  world: CopyWorld,
  options: CopyOptions,
  write: SnapshotDuty["write"],
): SnapshotDuty {
  const { snapshots: ports, log, clock, sleep, report } = world;
  const { snapshotEveryMs: everyMs, keepLogMs } = options;
  return { ports, log, clock, sleep, report, unit, stream, everyMs, keepLogMs, write };
}

type Store = Readonly<{ meta(): { readonly applied: number } | undefined; close(): Promise<void> }>;

/** Opens a store; for one so old that the log has moved on, which is set aside, a new one. */
async function openReachable<Opened extends Store>(
  unit: string,
  place: StorePlace<Opened>,
  first: number,
  report: Report,
): Promise<Opened> {
  const store = place.open();
  const applied = await orClose(store, async () => store.meta()?.applied ?? 0);
  if (applied === 0 || applied + 1 >= first) return store;
  report(`${unit}: the log begins at ${first}, the store ends at ${applied}: starting from a snapshot`, {
    ...{ event: "store.too-old", level: "warn", unit },
  });
  await store.close();
  place.setAside();
  return place.open();
}

async function orClose<Result>(store: Store, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
}

/**
 * Opens a copy, again over a new store if the present one proves damaged. One that proves damaged while the copy runs
 * is set aside once that is stopped, so that the next start does not meet it again.
 */
async function settingAside(
  place: StorePlace<unknown>,
  report: Report,
  open: () => Promise<UnitCopy>,
): Promise<UnitCopy> {
  const copy = await open().catch((thrown) => {
    if (!isCorrupt(thrown)) throw thrown;
    report(`${thrown.message}: it was set aside as ${place.setAside()}`, SET_ASIDE);
    return open();
  });
  let isDamaged = false;
  copy.done.catch((thrown) => {
    isDamaged = isCorrupt(thrown);
  });
  return {
    done: copy.done,
    own: (lease) => copy.own(lease),
    drain: () => copy.drain(),
    rest: () => copy.rest(),
    lag: () => copy.lag(),
    async stop() {
      await copy.stop();
      if (isDamaged) report(`the damaged store was set aside as ${place.setAside()}`, SET_ASIDE);
    },
  };
}

/** Published outputs leave a store within a second, or with its next transaction. */
const PUBLISHED_PATIENCE_MS = 5_000;
const PUBLISHED_LOOK_MS = 20;
const SET_ASIDE = { event: "store.set-aside", level: "error", code: "STORE_CORRUPT" } as const;

function tellDamaged(report: Report, unit: string, { code, message }: EngineError): void {
  report(`${unit}: ${code}: ${message}`, { event: "snapshot.damaged", level: "error", unit, code });
}

function isCorrupt(thrown: unknown): thrown is EngineError {
  return thrown instanceof EngineError && thrown.code === "STORE_CORRUPT";
}
