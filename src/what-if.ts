import { ask } from "./actors/ask.ts";
import type { BlobStore } from "./actors/blob-store.ts";
import type { Bus } from "./actors/bus.ts";
import { readJson } from "./actors/read-json.ts";
import type { Subjects } from "./events/subjects.ts";
import { EngineError } from "./kernel/engine-error.ts";
import type { PreviewReply } from "./profiles/profile-messages.ts";
import { decodeProfiles } from "./profiles/profiles-codec.ts";
import { releaseKeys } from "./releases.ts";
import { defaultCalibration } from "./resonance/default-calibration.ts";
import type { ReleaseReport } from "./resonance/fit-release.ts";
import { addMatrix, addMoves, type MapMoves, NO_SEGMENT, newMapMoves } from "./resonance/move-counts.ts";
import { parseDefinitions } from "./resonance/parse-definitions.ts";
import type { PublishedProfiles } from "./resonance/published-profiles.ts";
import type { SegmentMap } from "./resonance/segment-map.ts";
import type {
  CompareReply,
  CompareRequest,
  MembershipsReply,
  MembershipsRequest,
  WireProfiles,
} from "./shards/compare-users.ts";

/** What is asked: of the candidate, or with `segments` of other definitions under the encoder in force. */
export type WhatIfRequest = Readonly<{
  /** As `segments.put` takes them. */
  segments?: unknown;
  /** Users compared at most, over all shards. */
  sample?: number;
  /** Tell some of those who would move by their ids, instead of digests. */
  named?: boolean;
}>;

export type WhatIfReply = Readonly<{
  kind: "encoder" | "segments";
  /** Encoder in force, and the one that the comparison is with. */
  encoder: Readonly<{ inForce: string; other: string }>;
  /** Shards that have sampled their members under the candidate, of how many. */
  warmUp?: Readonly<{ prepared: number; shards: number }>;
  /** Users compared, of those in memory. */
  users: number;
  resident: number;
  maps: readonly WhatIfMap[];
  /** Some of those who would move. */
  movers: readonly string[];
  /** What was measured on held-out members when each was fitted; null for one that was not. */
  heldOut: Readonly<{ inForce: ReleaseReport | null; other: ReleaseReport | null }>;
}>;

export type WhatIfMap = Readonly<{
  map: string;
  users: number;
  moved: number;
  resonatingChanged: number;
  /** Mean, in [0, 1]. */
  totalVariation: number;
  matrix: MapMoves["matrix"];
  /** For other definitions: members by segment before and after, and who changes, of those asked about. */
  members?: Readonly<{
    before: Readonly<Record<string, number>>;
    after: Readonly<Record<string, number>>;
    matrix: MapMoves["matrix"];
    of: number;
  }>;
}>;

const SAMPLE = 2_000;
const SAMPLE_MAX = 100_000;
/** Users of one page: a shard is busy with them for some milliseconds, and answers others before the next. */
const PAGE_USERS = 16;
const PAGE_TIMEOUT_MS = 10_000;
const MOVERS_MAX = 50;

type World = Readonly<{ bus: Bus; subjects: Subjects; releases: BlobStore; shards: number }>;

/**
 * Tells who would move if something else were in force, and what the held-out numbers say. Nothing is changed.
 *
 * @throws EngineError `NOTHING_TO_PROMOTE`, `BAD_SEGMENTS`, and what the shards answer.
 */
export async function whatIf(world: World, request: WhatIfRequest): Promise<WhatIfReply> {
  const sample = Math.min(SAMPLE_MAX, Math.max(1, request.sample ?? SAMPLE));
  const perShard = Math.ceil(sample / world.shards);
  if (request.segments === undefined) return ofCandidate(world, perShard, request.named === true);
  return ofSegments(world, perShard, request.named === true, request.segments);
}

async function ofCandidate(world: World, perShard: number, named: boolean): Promise<WhatIfReply> {
  const { bus, subjects } = world;
  const { encoder, profiles, prepared, shards } = (await ask(
    bus,
    subjects.profileActor("preview"),
    {},
    PAGE_TIMEOUT_MS,
  )) as PreviewReply;
  const wire = profiles.map((bytes) => toWire(decodeProfiles(bytes)));
  const inForce = await encoderInForce(world);
  const compared = await compare(world, wire, perShard, named);
  return {
    kind: "encoder",
    encoder: { inForce, other: encoder },
    warmUp: { prepared, shards },
    ...compared,
    heldOut: { inForce: await reportOf(world, inForce), other: await reportOf(world, encoder) },
  };
}

async function ofSegments(
  world: World,
  perShard: number,
  named: boolean,
  given: unknown,
): Promise<WhatIfReply> {
  const parsed = parseDefinitions(given);
  if (parsed.kind === "refused") throw new EngineError({ ...parsed, retryable: false });
  const inForce = await encoderInForce(world);
  const { matrix, sums, members, dim } = await memberships(world, parsed.maps, perShard);
  const profiles = await Promise.all(
    parsed.maps.map((map) => profilesFrom(world, map, sums[map.name] ?? {}, { encoder: inForce, dim })),
  );
  const compared = await compare(world, profiles, perShard, named);
  const report = await reportOf(world, inForce);
  return {
    kind: "segments",
    encoder: { inForce, other: inForce },
    ...compared,
    maps: parsed.maps.map((map) => {
      const moves = compared.maps.find((one) => one.map === map.name) ?? described(map.name, newMapMoves());
      return { ...moves, members: membersOf(matrix[map.name] ?? {}, members) };
    }),
    heldOut: { inForce: report, other: report },
  };
}

/** Compares a share of each shard's users in memory, a page at a time. */
async function compare(
  { bus, shards, subjects }: World,
  profiles: readonly WireProfiles[],
  perShard: number,
  named: boolean,
): Promise<Pick<WhatIfReply, "users" | "resident" | "maps" | "movers">> {
  const moves: Record<string, MapMoves> = {};
  const movers: string[] = [];
  let users = 0;
  let resident = 0;
  for (let shard = 0; shard < shards; shard++) {
    const page = async (from: number, step: number, limit: number): Promise<CompareReply> => {
      const request: CompareRequest = { profiles, from, step, limit, named };
      return (await ask(bus, subjects.shard(shard, "compare"), request, PAGE_TIMEOUT_MS)) as CompareReply;
    };
    // Every so many-th user, so that those who came first do not stand for all.
    const { resident: held } = await page(0, 1, 0);
    const step = Math.max(1, Math.floor(held / perShard));
    resident += held;
    let left = perShard;
    for (let from: number | undefined = 0; from !== undefined && left > 0; ) {
      const reply: CompareReply = await page(from, step, Math.min(left, PAGE_USERS));
      for (const [map, more] of Object.entries(reply.moves)) {
        moves[map] ??= newMapMoves();
        addMoves(moves[map], more);
      }
      movers.push(...reply.movers.slice(0, MOVERS_MAX - movers.length));
      users += reply.users;
      left -= reply.users;
      from = reply.next;
    }
  }
  const maps = profiles.map(({ map }) => described(map, moves[map] ?? newMapMoves()));
  return { users, resident, maps, movers };
}

async function memberships({ bus, shards, subjects }: World, maps: readonly SegmentMap[], perShard: number) {
  const matrix: Record<string, MapMoves["matrix"]> = {};
  const sums: Record<string, Record<string, { sum: number[]; count: number }>> = {};
  let members = 0;
  let dim = 0;
  for (let shard = 0; shard < shards; shard++) {
    let left = perShard;
    for (let after: string | undefined = ""; after !== undefined && left > 0; ) {
      const limit = Math.min(left, PAGE_USERS);
      const request: MembershipsRequest = { maps, limit, ...(after === "" ? {} : { after }) };
      const subject = subjects.shard(shard, "memberships");
      const reply = (await ask(bus, subject, request, PAGE_TIMEOUT_MS)) as MembershipsReply;
      members += reply.members;
      dim = reply.dim;
      left -= limit;
      after = reply.next;
      for (const [map, more] of Object.entries(reply.matrix)) {
        matrix[map] ??= {};
        addMatrix(matrix[map], more);
      }
      for (const [map, segments] of Object.entries(reply.sums)) {
        sums[map] ??= {};
        addSums(sums[map], segments);
      }
    }
  }
  return { matrix, sums, members, dim };
}

function addSums(
  to: Record<string, { sum: number[]; count: number }>,
  more: MembershipsReply["sums"][string],
): void {
  for (const [segment, { sum, count }] of Object.entries(more)) {
    to[segment] ??= { sum: sum.map(() => 0), count: 0 };
    const held = to[segment];
    for (const [i, value] of sum.entries()) held.sum[i] = (held.sum[i] ?? 0) + value;
    held.count += count;
  }
}

/** Profiles as the members asked about would make them; their temperature is that of the map in force, if there is one. */
async function profilesFrom(
  world: World,
  map: SegmentMap,
  sums: Readonly<Record<string, Readonly<{ sum: readonly number[]; count: number }>>>,
  of: { readonly encoder: string; readonly dim: number },
): Promise<WireProfiles> {
  const calibrations = await readJson<{ map: string; kappa: number[] }[]>(
    world.releases,
    releaseKeys.calibration(of.encoder || "none"),
  );
  const fitted = calibrations?.find((one) => one.map === map.name);
  const calibration = defaultCalibration(of.encoder, map.name, map.segments.length);
  const profiles = map.segments.map(({ name }) => {
    const { sum = [], count = 0 } = sums[name] ?? {};
    const centroid = Float32Array.from({ length: of.dim }, (_, i) => (sum[i] ?? 0) / Math.max(1, count));
    return { segment: name, members: count, centroid };
  });
  return toWire({
    map: map.name,
    mode: map.mode,
    version: 1,
    encoder: of.encoder,
    dim: of.dim,
    watermarkMs: 0,
    profiles,
    background: sums[NO_SEGMENT]?.count ?? 0,
    calibration:
      fitted?.kappa.length === calibration.kappa.length
        ? { ...calibration, kappa: fitted.kappa }
        : calibration,
    threshold: map.threshold,
  });
}

function membersOf(matrix: MapMoves["matrix"], of: number): NonNullable<WhatIfMap["members"]> {
  const before: Record<string, number> = {};
  const after: Record<string, number> = {};
  for (const [from, row] of Object.entries(matrix))
    for (const [to, count] of Object.entries(row)) {
      before[from] = (before[from] ?? 0) + count;
      after[to] = (after[to] ?? 0) + count;
    }
  return { before, after, matrix, of };
}

function described(map: string, moves: MapMoves): WhatIfMap {
  const { users, moved, resonatingChanged, totalVariation, matrix } = moves;
  return {
    map,
    users,
    moved,
    resonatingChanged,
    totalVariation: totalVariation / Math.max(1, users),
    matrix,
  };
}

function toWire(published: PublishedProfiles): WireProfiles {
  const profiles = published.profiles.map(({ segment, members, centroid }) => ({
    segment,
    members,
    centroid: new Uint8Array(centroid.buffer, centroid.byteOffset, centroid.byteLength),
  }));
  return { ...published, profiles };
}

async function encoderInForce({ bus, subjects }: World): Promise<string> {
  const status = (await ask(bus, subjects.shard(0, "status"), {}, PAGE_TIMEOUT_MS)) as {
    versions: { encoder: string };
  };
  return status.versions.encoder;
}

async function reportOf(world: World, encoder: string): Promise<ReleaseReport | null> {
  return (await readJson<ReleaseReport>(world.releases, releaseKeys.report(encoder || "none"))) ?? null;
}
