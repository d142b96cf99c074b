import type { Bus } from "./actors/bus.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import type { History } from "./embedding/encoder.ts";
import { type Subjects, subjectsOf } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import { featureDistribution } from "./features/feature-distribution.ts";
import { unpackFeatureEvent } from "./features/pack-feature-event.ts";
import { EngineError, fromWireError, toWireError, type WireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import { releaseKeys } from "./releases.ts";
import { fitRelease, type ReleaseReport } from "./resonance/fit-release.ts";
import type { SegmentDefinitions } from "./resonance/segment-map.ts";
import type { HistoriesReply, HistoriesRequest } from "./shards/shard-messages.ts";

/** What a fit is started with. */
export type TrainingTask = Readonly<{
  nats: string;
  prefix: string;
  generation: number;
  shards: number;
  seed: number;
  /** Dimensions of the encoder at most. */
  dimMax: number;
}>;

export type TrainingResult =
  | Readonly<{ kind: "fitted"; encoder: string; report: ReleaseReport }>
  | Readonly<{ kind: "failed"; error: WireError }>;

/** Histories of one page: a few hundred kilobytes at most, under the server's 1 MB payload. */
const PAGE_USERS = 100;
const PAGE_TIMEOUT_MS = 30_000;

/**
 * Gathers the members' histories from all shards, fits encoder and calibration, and stores both under the new
 * version. It activates nothing: that is the node's decision.
 */
export async function fitEncoder(task: TrainingTask): Promise<TrainingResult> {
  try {
    const connection = await connectNats({ servers: task.nats.split(","), name: "resonance training" });
    try {
      const subjects = subjectsOf(task.prefix, task.generation);
      const bus = natsBus(connection);
      const blobs = await natsBlobStore(connection, subjects);
      const definitions = await definitionsInForce(blobs);
      const histories: History[] = [];
      for (let shard = 0; shard < task.shards; shard++) await gather(bus, subjects, shard, histories);
      const release = fitRelease(histories, definitions.maps, FEATURES, {
        seed: task.seed,
        dimMax: task.dimMax,
      });
      await blobs.put(releaseKeys.encoder(release.version), release.artefact);
      const calibrations = JSON.stringify(release.calibrations);
      // Copies of the profile actor read it at their own time: whatever is fitted later, it stays as it is.
      await blobs.create(releaseKeys.calibration(release.version), new TextEncoder().encode(calibrations));
      const distribution = JSON.stringify(featureDistribution(histories, FEATURES));
      const distributionKey = releaseKeys.distribution(release.version);
      await blobs.put(distributionKey, new TextEncoder().encode(distribution)); // What drift is measured against.
      const report = new TextEncoder().encode(JSON.stringify(release.report));
      await blobs.put(releaseKeys.report(release.version), report); // What `whatif` tells of it.
      return { kind: "fitted", encoder: release.version, report: release.report };
    } finally {
      await connection.close();
    }
  } catch (thrown) {
    return { kind: "failed", error: toWireError(thrown) };
  }
}

async function gather(bus: Bus, subjects: Subjects, shard: number, into: History[]): Promise<void> {
  let after: string | undefined;
  do {
    const request: HistoriesRequest = { limit: PAGE_USERS, ...(after === undefined ? {} : { after }) };
    const reply = await bus.request(subjects.shard(shard, "histories"), encode(request), {
      timeoutMs: PAGE_TIMEOUT_MS,
    });
    if (reply.error !== undefined) throw fromWireError(reply.error);
    const page = decode(reply.data) as HistoriesReply;
    for (const { user, labels, events } of page.histories) {
      into.push({ user, labels, events: events.map(unpackFeatureEvent) });
    }
    after = page.next;
  } while (after !== undefined);
}

async function definitionsInForce(blobs: {
  get(key: string): Promise<Uint8Array | undefined>;
}): Promise<SegmentDefinitions> {
  const read = async (key: string): Promise<unknown> => {
    const bytes = await blobs.get(key);
    if (bytes !== undefined) return JSON.parse(new TextDecoder().decode(bytes));
    throw new EngineError({
      code: "NO_SEGMENTS",
      message: "no segments are defined: send segments.put, or start a node with --segments FILE",
      retryable: false,
    });
  };
  const { version } = (await read(releaseKeys.currentSegments)) as { version: number };
  return (await read(releaseKeys.segments(version))) as SegmentDefinitions;
}
