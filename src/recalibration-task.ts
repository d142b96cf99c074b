import { ask } from "./actors/ask.ts";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import { readJson } from "./actors/read-json.ts";
import type { NatsAccess } from "./adapters/nats-access.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { type Subjects, subjectsOf } from "./events/subjects.ts";
import { FEATURES } from "./features/all-families.ts";
import { EngineError, toWireError, type WireError } from "./kernel/engine-error.ts";
import { sha256Hex } from "./kernel/hash.ts";
import { definitionsInForce, ringHistories } from "./member-histories.ts";
import { readCalibration, type StoredCalibration } from "./profiles/profiles-codec.ts";
import { releaseKeys, releasesOf } from "./releases.ts";
import { decodeReference, type FitReference, NO_REFERENCE } from "./resonance/fit-reference.ts";
import type { FittedCalibration } from "./resonance/published-profiles.ts";
import { type MapReport, recalibrate } from "./resonance/recalibrate.ts";
import type { ShardColumns } from "./resonance/score-answer.ts";
import type { SegmentMap } from "./resonance/segment-map.ts";
import type { TrafficSample } from "./resonance/traffic-prior.ts";
import type { TrafficRequest } from "./shards/shard-messages.ts";

/** What a calibration is fitted anew for. */
export type RecalibrationTask = Readonly<{
  nats: NatsAccess;
  prefix: string;
  generation: number;
  shards: number;
  /** The encoder in force, and the name of its calibrations in force; empty for those that came with it. */
  encoder: string;
  calibration: string;
}>;

export type RecalibrationResult =
  /** `calibration`: the name of what was stored. The same as the task's if nothing has changed. */
  | Readonly<{
      kind: "calibrated";
      encoder: string;
      calibration: string;
      maps: readonly MapReport[];
    }>
  | Readonly<{ kind: "failed"; error: WireError }>;

const TRAFFIC_TIMEOUT_MS = 10_000;
/** Anonymous users of a map over all shards. */
const TRAFFIC_USERS = 4_000;
/** Of a shard's reply: two numbers a segment and user, under the server's 1 MB payload. */
const TRAFFIC_BYTES_MAX = 700_000;

/** Gathers members and traffic from all shards, fits the calibrations, and stores them. It puts nothing in force. */
export async function recalibrateMembers(task: RecalibrationTask): Promise<RecalibrationResult> {
  try {
    const connection = await connectNats({ ...task.nats, name: "resonance calibration" });
    try {
      const subjects = subjectsOf(task.prefix, task.generation);
      const blobs = await natsBlobStore(connection, subjects);
      return await fitAndStore(task, { bus: natsBus(connection), subjects, blobs });
    } finally {
      await connection.close();
    }
  } catch (thrown) {
    return { kind: "failed", error: toWireError(thrown) };
  }
}

type Ports = Readonly<{ bus: Bus; subjects: Subjects; blobs: BlobStore }>;

async function fitAndStore(task: RecalibrationTask, ports: Ports): Promise<RecalibrationResult> {
  const { bus, subjects, blobs } = ports;
  const { maps } = await definitionsInForce(blobs);
  const encoder = await releasesOf(blobs).encoder(task.encoder);
  if (encoder === undefined) {
    const message = `encoder ${task.encoder} is not in the artefact store`;
    throw new EngineError({ code: "RELEASE_MISSING", message, retryable: true });
  }
  const histories = await ringHistories(bus, subjects, task.shards);
  const traffic = new Map<string, TrafficSample>();
  for (const map of maps)
    if (map.prior === "traffic") traffic.set(map.name, await gatherTraffic(ports, task, map));
  const reference = encoder.trained ? await referenceOf(blobs, encoder.version) : NO_REFERENCE;
  const inForce = await calibrationsIn(blobs, releaseKeys.calibration(encoder.version, task.calibration));
  const { calibrations, reports } = recalibrate({
    encoder,
    maps,
    schema: FEATURES,
    histories,
    reference,
    inForce,
    traffic,
  });
  if (reports.every(({ outcome }) => outcome === "too-few")) throw tooFew(reports);
  const bytes = new TextEncoder().encode(JSON.stringify(calibrations));
  const calibration = sha256Hex(bytes).slice(0, 16);
  // Whoever made the same has made the same name: what a log names is never written anew.
  await blobs.create(releaseKeys.calibration(encoder.version, calibration), bytes);
  return { kind: "calibrated", encoder: encoder.version, calibration, maps: reports };
}

/** An encoder of an earlier build has none: all of its members count as seen. */
async function referenceOf(blobs: BlobStore, encoder: string): Promise<FitReference> {
  const bytes = await blobs.get(releaseKeys.reference(encoder));
  return bytes === undefined ? { hasSeen: () => true, heldOut: () => undefined } : decodeReference(bytes);
}

async function calibrationsIn(blobs: BlobStore, key: string): Promise<readonly FittedCalibration[]> {
  const stored = await readJson<StoredCalibration<FittedCalibration>[]>(blobs, key);
  return (stored ?? []).map(readCalibration);
}

async function gatherTraffic(
  { bus, subjects }: Ports,
  task: RecalibrationTask,
  map: SegmentMap,
): Promise<TrafficSample> {
  const segments = map.segments.length;
  const affordable = Math.floor(TRAFFIC_BYTES_MAX / (8 * segments));
  const limit = Math.max(1, Math.min(affordable, Math.ceil(TRAFFIC_USERS / task.shards)));
  const similarities: number[] = [];
  const evidence: number[] = [];
  for (let shard = 0; shard < task.shards; shard++) {
    const request: TrafficRequest = { map: map.name, limit };
    const subject = subjects.shard(shard, "traffic");
    const columns = (await ask(bus, subject, request, TRAFFIC_TIMEOUT_MS)) as ShardColumns;
    // Of a shard that is about to change encoder or segments nothing can be compared.
    const isSame =
      columns.versions.encoder === task.encoder &&
      map.segments.every(({ name }, k) => name === columns.segments[k]) &&
      columns.segments.length === segments;
    if (!isSame) continue;
    similarities.push(...floatsIn(columns.similarities));
    evidence.push(...floatsIn(columns.evidence));
  }
  return { similarities: Float64Array.from(similarities), evidence: Float64Array.from(evidence) };
}

function floatsIn(bytes: Uint8Array | undefined): Float32Array {
  return new Float32Array(new Uint8Array(bytes ?? []).buffer); // What is unpacked may begin at any byte.
}

function tooFew(reports: readonly MapReport[]): EngineError {
  const held = reports.map(({ map, users }) => `${map} ${users}`).join(", ");
  const message = `too few held-out members to calibrate on (${held}; 50 of two segments are needed): label more users with identify`;
  return new EngineError({ code: "TOO_FEW_MEMBERS", message, retryable: false });
}
