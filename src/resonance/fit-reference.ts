import { ARRIVAL_FIELDS, type Arrival } from "../features/arrival.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { HeldOutScores } from "./held-out-scores.ts";
import type { SegmentMap } from "./segment-map.ts";

/** What of an encoder's fit a later calibration needs. */
export type FitReference = Readonly<{
  /** Whether the fit saw this user's labels: the encoder then knows more of them than of a stranger. */
  hasSeen(user: string): boolean;
  /** Users that the fit held out, by map; those of a map with other segments are left out. */
  heldOut(map: SegmentMap): HeldOutScores | undefined;
}>;

/** A reference of nothing, for an encoder that was not fitted: every member is a stranger to it. */
export const NO_REFERENCE: FitReference = { hasSeen: () => false, heldOut: () => undefined };

/** Held-out users that are kept of each map: more would not make a later fit surer. */
const USERS_MAX = 5_000;
/** Bytes of similarities a map at most; of many segments fewer users are kept. */
const BYTES_MAX = 8_000_000;
const SALT = 0x72656665;

type StoredMap = Readonly<{
  map: string;
  segments: readonly string[];
  mode: HeldOutScores["mode"];
  /** Typed arrays' bytes: float32, float32, int16, uint32. */
  similarities: Uint8Array;
  evidence: Uint8Array;
  labels: Uint8Array;
  users: Uint8Array;
  /** Distinct log priors, float64, and which one each sample had, uint16: those of a fold are the same. */
  priors: Uint8Array;
  priorOf: Uint8Array;
  /** Users whose arrival is known, uint32, and their arrivals, uint32 of shape [users, fields]. Earlier builds kept none. */
  arrived?: Uint8Array;
  arrivals?: Uint8Array;
}>;

type Stored = Readonly<{ seen: Uint8Array; maps: readonly StoredMap[] }>;

/**
 * Packs what a later calibration needs.
 *
 * @param users - All whose labels the fit saw; only their hashes are kept.
 * @param heldOut - One for each map, in order.
 */
export function encodeReference(
  users: Iterable<string>,
  maps: readonly SegmentMap[],
  heldOut: readonly HeldOutScores[],
): Uint8Array {
  const hashes = Uint32Array.from(users, (user) => hash32(user)).sort();
  const stored: Stored = {
    seen: bytesOf(hashes),
    maps: maps.map((map, m) => packMap(map, heldOut[m]!)),
  };
  return encode(stored);
}

/** @throws If the bytes are not of {@link encodeReference}. */
export function decodeReference(bytes: Uint8Array): FitReference {
  const { seen, maps } = decode(bytes) as Stored;
  const hashes = new Set(new Uint32Array(bufferOf(seen)));
  return {
    hasSeen: (user) => hashes.has(hash32(user)),
    heldOut(map) {
      const names = map.segments.map(({ name }) => name).join("\n");
      const stored = maps.find(
        (one) => one.map === map.name && one.mode === map.mode && one.segments.join("\n") === names,
      );
      return stored === undefined ? undefined : unpackMap(stored);
    },
  };
}

function packMap(map: SegmentMap, heldOut: HeldOutScores): StoredMap {
  const { segments, mode, similarities, evidence, labels, users, logPriors } = heldOut;
  const samples = samplesKept(heldOut);
  const kept = new Float32Array(samples.length * segments);
  const priors = new Map<string, number>();
  const distinct: number[] = [];
  const priorOf = new Uint16Array(samples.length);
  for (const [row, sample] of samples.entries()) {
    kept.set(similarities.subarray(sample * segments, (sample + 1) * segments), row * segments);
    const prior = logPriors.subarray(sample * (segments + 1), (sample + 1) * (segments + 1));
    const key = prior.join();
    let index = priors.get(key);
    if (index === undefined) {
      index = priors.size;
      priors.set(key, index);
      distinct.push(...prior);
    }
    priorOf[row] = index;
  }
  return {
    map: map.name,
    segments: map.segments.map(({ name }) => name),
    mode,
    similarities: bytesOf(kept),
    evidence: bytesOf(Float32Array.from(samples, (sample) => evidence[sample]!)),
    labels: bytesOf(Int16Array.from(samples, (sample) => labels[sample]!)),
    users: bytesOf(Uint32Array.from(samples, (sample) => users[sample]!)),
    priors: bytesOf(Float64Array.from(distinct)),
    priorOf: bytesOf(priorOf),
    ...packArrivals(heldOut, new Set(samples.map((sample) => users[sample]!))),
  };
}

function packArrivals(
  { arrivals }: HeldOutScores,
  kept: ReadonlySet<number>,
): Pick<StoredMap, "arrived" | "arrivals"> {
  const known = [...(arrivals ?? [])].filter(([user]) => kept.has(user));
  if (known.length === 0) return {};
  const rows = new Uint32Array(known.length * ARRIVAL_FIELDS.length);
  for (const [i, [, arrival]] of known.entries()) rows.set(arrival, i * ARRIVAL_FIELDS.length);
  return { arrived: bytesOf(Uint32Array.from(known, ([user]) => user)), arrivals: bytesOf(rows) };
}

function unpackArrivals({ arrived, arrivals }: StoredMap): Pick<HeldOutScores, "arrivals"> {
  if (arrived === undefined || arrivals === undefined) return {};
  const users = new Uint32Array(bufferOf(arrived));
  const rows = new Uint32Array(bufferOf(arrivals));
  const width = rows.length / users.length;
  // Fields of another build are other fields: nothing is known then.
  if (width !== ARRIVAL_FIELDS.length) return {};
  return {
    arrivals: new Map<number, Arrival>(
      Array.from(users, (user, i) => [user, rows.slice(i * width, (i + 1) * width)]),
    ),
  };
}

/** The samples of so many users, drawn by their numbers. */
function samplesKept({ users, segments }: HeldOutScores): number[] {
  const distinct = new Set(users);
  const samplesEach = users.length / Math.max(1, distinct.size);
  const affordable = Math.floor(BYTES_MAX / (4 * Math.max(1, segments * samplesEach)));
  const most = Math.min(USERS_MAX, affordable);
  const ranked = [...distinct].sort((a, b) => rehash32(a, SALT) - rehash32(b, SALT) || a - b);
  const kept = new Set(ranked.slice(0, most));
  return [...users.keys()].filter((sample) => kept.has(users[sample]!));
}

function unpackMap(stored: StoredMap): HeldOutScores {
  const segments = stored.segments.length;
  const priors = new Float64Array(bufferOf(stored.priors));
  const priorOf = new Uint16Array(bufferOf(stored.priorOf));
  const logPriors = new Float64Array(priorOf.length * (segments + 1));
  for (const [row, index] of priorOf.entries())
    logPriors.set(
      priors.subarray(index * (segments + 1), (index + 1) * (segments + 1)),
      row * (segments + 1),
    );
  return {
    segments,
    mode: stored.mode,
    similarities: Float64Array.from(new Float32Array(bufferOf(stored.similarities))),
    evidence: Float64Array.from(new Float32Array(bufferOf(stored.evidence))),
    labels: new Int16Array(bufferOf(stored.labels)),
    users: new Uint32Array(bufferOf(stored.users)),
    logPriors,
    ...unpackArrivals(stored),
  };
}

function bytesOf(values: Float32Array | Float64Array | Int16Array | Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** A buffer of its own: what is unpacked may begin at any byte. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
