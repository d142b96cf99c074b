import type { Arrival } from "../features/arrival.ts";
import type { FeatureSchema } from "../features/feature-schema.ts";
import { hash32, rehash32 } from "../kernel/hash.ts";
import type { History } from "./encoder.ts";
import { EVENT_NUMBERS, writeEventNumbers } from "./event-inputs.ts";
import { TOKEN_GROUPS, tokenBuffer, type ValueSplits, writeTokens } from "./event-tokens.ts";
import type { FitOptions, LabelledMap } from "./fit-options.ts";
import { TokenIndex } from "./token-index.ts";
import { addScaledSingle, scale } from "./vector.ts";

/** Members' histories as flat arrays, and the samples that are taken of them. */
export type Corpus = Readonly<{
  users: number;
  /** Shape [users]. */
  userIds: readonly string[];
  /** How each came, where that is known; shape [users]. */
  arrivals: readonly (Arrival | undefined)[];
  /** In [0, folds), by when the user came; shape [users]. */
  foldOf: Uint8Array;
  /** Segment by map, -1 without one; one array of shape [users] for each map. */
  labels: readonly Int16Array[];
  /** Rising hashes; a token's id is its index. */
  tokens: Uint32Array;
  /** Group by token id. */
  groupOf: Uint8Array;
  /** Users by token id. */
  usersOf: Uint32Array;
  valueSplits: ValueSplits;
  /** A user's events are [eventsAt[u], eventsAt[u + 1]); an event's token ids are [tokensAt[e], tokensAt[e + 1]). */
  eventsAt: Uint32Array;
  tokensAt: Uint32Array;
  tokenIds: Uint32Array;
  eventMs: Float64Array;
  /** Shape [events, EVENT_NUMBERS]. */
  eventNumbers: Float32Array;
  /** 0 for an event that names things of which none is known: to an encoder it is no evidence; shape [events]. */
  isEvidence: Uint8Array;
  /** A user's samples are [samplesAt[u], samplesAt[u + 1]); the last one is the whole history. */
  samplesAt: Uint32Array;
  /** The event after a sample's newest; shape [samples]. */
  sampleEnd: Uint32Array;
  /** The weights of a user's samples sum to 1; shape [samples]. */
  sampleWeight: Float64Array;
  /** Decayed number of events; shape [samples]. */
  sampleEvents: Float64Array;
  /** What the schema read at a sample's newest event; shape [samples, schema.width]. */
  features: Float32Array;
}>;

const SALT = { keep: 0x6b656570, fold: 0x666f6c64, cut: 0x63757473 } as const;

/** Reads histories once: tokens, features and cut-short samples. Users without events are left out. */
export function readCorpus(
  histories: readonly History[],
  maps: readonly LabelledMap[],
  schema: FeatureSchema,
  options: FitOptions,
): Corpus {
  const kept = keepUsers(histories, maps, options);
  const valueSplits = medianValues(kept);
  const vocabulary = countTokens(kept, valueSplits, options.tokensMax);
  const index = new TokenIndex(vocabulary.tokens);
  const eventsAt = new Uint32Array(kept.length + 1);
  for (const [u, { events }] of kept.entries()) eventsAt[u + 1] = eventsAt[u]! + events.length;
  const events = eventsAt[kept.length]!;
  const tokensAt = new Uint32Array(events + 1);
  const tokenIds: number[] = [];
  const eventMs = new Float64Array(events);
  const eventNumbers = new Float32Array(events * EVENT_NUMBERS);
  const isEvidence = new Uint8Array(events);
  const buffer = tokenBuffer();
  let e = 0;
  for (const history of kept) {
    for (const event of history.events) {
      const count = writeTokens(event, valueSplits, buffer);
      let named = 0;
      let recognised = 0;
      for (let i = 0; i < count; i++) {
        const id = index.rowOf(buffer.hashes[i]!);
        if (id >= 0) tokenIds.push(id);
        if (buffer.groups[i] === TOKEN_GROUPS.setting) continue;
        named++;
        if (id >= 0) recognised++;
      }
      isEvidence[e] = named > 0 && recognised === 0 ? 0 : 1;
      writeEventNumbers(event, valueSplits, eventNumbers, e * EVENT_NUMBERS);
      eventMs[e++] = event.tsMs;
      tokensAt[e] = tokenIds.length;
    }
  }
  return {
    users: kept.length,
    userIds: kept.map(({ user }) => user),
    arrivals: kept.map(({ arrival }) => arrival),
    foldOf: foldsOf(kept, options),
    labels: maps.map(({ name, segments }) => {
      const indexOf = new Map(segments.map((segment, k) => [segment, k]));
      return Int16Array.from(kept, ({ labels }) => indexOf.get(labels[name] ?? "") ?? -1);
    }),
    ...vocabulary,
    valueSplits,
    eventsAt,
    tokensAt,
    tokenIds: Uint32Array.from(tokenIds),
    eventMs,
    eventNumbers,
    isEvidence,
    ...takeSamples(kept, eventsAt, eventMs, schema, options),
  };
}

/** Share of `usersMax` that users without any segment may take: they tell what is common, not what differs. */
const BACKGROUND_SHARE = 0.25;

/**
 * At most `usersMax` users, members first, by the smallest hashes: neither the order of the input nor one more user
 * changes who the others are.
 */
function keepUsers(
  histories: readonly History[],
  maps: readonly LabelledMap[],
  { usersMax, seed }: FitOptions,
): History[] {
  const isMember = ({ labels }: History) =>
    maps.some(({ name, segments }) => segments.includes(labels[name] ?? ""));
  const ranked = histories
    .filter(({ events }) => events.length > 0)
    .map((history) => ({
      history,
      member: isMember(history),
      rank: rehash32(hash32(history.user), SALT.keep ^ seed),
    }));
  ranked.sort((a, b) => a.rank - b.rank || (a.history.user < b.history.user ? -1 : 1));
  const members = ranked.filter(({ member }) => member).slice(0, usersMax);
  const places = Math.min(usersMax - members.length, Math.floor(usersMax * BACKGROUND_SHARE));
  const background = ranked.filter(({ member }) => !member).slice(0, places);
  return [...members, ...background].map(({ history }) => inOrder(history));
}

/** Late events to their place: sums do not mind, but samples are cut where the history was at that moment. */
function inOrder(history: History): History {
  const { events } = history;
  const sorted = events.every((event, i) => i === 0 || events[i - 1]!.tsMs <= event.tsMs);
  return sorted ? history : { ...history, events: events.toSorted((a, b) => a.tsMs - b.tsMs) };
}

/** The median value of each type that carries values: a rating above it is praise, a price above it is dear. */
function medianValues(histories: readonly History[]): Map<number, number> {
  const byType = new Map<number, number[]>();
  for (const { events } of histories) {
    for (const { value, typeHash } of events) {
      if (Number.isNaN(value)) continue;
      const values = byType.get(typeHash);
      if (values === undefined) byType.set(typeHash, [value]);
      else values.push(value);
    }
  }
  const types = [...byType].sort(([a], [b]) => a - b);
  return new Map(
    types.map(([type, values]) => {
      const sorted = Float64Array.from(values).sort();
      return [type, sorted[sorted.length >> 1]!];
    }),
  );
}

type Vocabulary = Pick<Corpus, "tokens" | "groupOf" | "usersOf">;

function countTokens(histories: readonly History[], splits: ValueSplits, tokensMax: number): Vocabulary {
  const seen = new Map<number, { group: number; users: number; lastUser: number }>();
  const buffer = tokenBuffer();
  for (const [u, { events }] of histories.entries()) {
    for (const event of events) {
      const count = writeTokens(event, splits, buffer);
      for (let i = 0; i < count; i++) {
        const hash = buffer.hashes[i]!;
        const entry = seen.get(hash);
        if (entry === undefined) seen.set(hash, { group: buffer.groups[i]!, users: 1, lastUser: u });
        else if (entry.lastUser !== u) {
          entry.users++;
          entry.lastUser = u;
        }
      }
    }
  }
  const widest = [...seen].sort(([a, x], [b, y]) => y.users - x.users || a - b).slice(0, tokensMax);
  widest.sort(([a], [b]) => a - b);
  return {
    tokens: Uint32Array.from(widest, ([hash]) => hash),
    groupOf: Uint8Array.from(widest, ([, { group }]) => group),
    usersOf: Uint32Array.from(widest, ([, { users }]) => users),
  };
}

type Samples = Pick<Corpus, "samplesAt" | "sampleEnd" | "sampleWeight" | "sampleEvents" | "features">;

/**
 * Each user's whole history with half of the weight, and cuts at random lengths with the other half: an encoder
 * is asked about visitors of two events as much as about members of fifty.
 */
function takeSamples(
  histories: readonly History[],
  eventsAt: Uint32Array,
  eventMs: Float64Array,
  schema: FeatureSchema,
  options: FitOptions,
): Samples {
  const ends: number[] = [];
  const weights: number[] = [];
  const samplesAt = new Uint32Array(histories.length + 1);
  for (const [u, { user, events }] of histories.entries()) {
    const lengths = cutLengths(events.length, rehash32(hash32(user), SALT.cut ^ options.seed));
    for (const length of lengths) {
      ends.push(eventsAt[u]! + length);
      const whole = length === events.length;
      weights.push(lengths.length === 1 ? 1 : whole ? 0.5 : 0.5 / (lengths.length - 1));
    }
    samplesAt[u + 1] = ends.length;
  }
  const features = new Float32Array(ends.length * schema.width);
  const sampleEvents = new Float64Array(ends.length);
  const slab = new Float64Array(schema.slots);
  const read = new Float32Array(schema.width);
  for (const [u, { events }] of histories.entries()) {
    slab.fill(0);
    let sample = samplesAt[u]!;
    let decayed = 0;
    for (const [i, event] of events.entries()) {
      schema.fold(slab, 0, event);
      const e = eventsAt[u]! + i;
      const gapMs = i === 0 ? 0 : Math.max(0, eventMs[e]! - eventMs[e - 1]!);
      decayed = decayed * 2 ** (-gapMs / options.halfLifeMs) + 1;
      if (sample < samplesAt[u + 1]! && ends[sample] === e + 1) {
        schema.read(slab, 0, event.tsMs, read);
        features.set(read, sample * schema.width);
        sampleEvents[sample] = decayed;
        sample++;
      }
    }
  }
  return {
    samplesAt,
    sampleEnd: Uint32Array.from(ends),
    sampleWeight: Float64Array.from(weights),
    sampleEvents,
    features,
  };
}

/** Upper ends of the spans of lengths that are told apart: every user who came so far is cut once in each. */
const SPAN_ENDS = [1, 2, 5, 10, 25, 60, 150, Number.POSITIVE_INFINITY] as const;

/**
 * Rising distinct lengths, the last one `length`: the others one in each span below it, even on a logarithmic scale. So
 * short histories are those of all users, not of those only who never did more.
 */
function cutLengths(length: number, hash: number): number[] {
  const lengths: number[] = [];
  let from = 1;
  for (const [span, end] of SPAN_ENDS.entries()) {
    if (from >= length) break;
    const to = Math.min(end, length - 1);
    const uniform = rehash32(hash, span) / 2 ** 32;
    lengths.push(Math.min(to, Math.floor(from * ((to + 1) / from) ** uniform)));
    from = end + 1;
  }
  lengths.push(length);
  return lengths;
}

/** Rows that tokens add up to; shape [tokens, width]. */
export type TokenTable = Readonly<{
  table: Float32Array;
  width: number;
  /** 1: all tokens into the same columns; else the number of token groups, each with `width` columns of its own. */
  blocks: number;
}>;

/** Columns `at` and following of a matrix of shape [samples, stride]. */
export type SampleColumns = Readonly<{ out: Float32Array; at: number; stride: number }>;

/**
 * Sums a table's rows over each sample's tokens, decayed to its newest event and divided by its evidence, as the
 * encoder serves it. Writes the samples of `users` only.
 */
export function projectSamples(
  corpus: Corpus,
  users: Iterable<number>,
  { table, width, blocks }: TokenTable,
  { halfLifeMs, power }: Pick<FitOptions, "halfLifeMs" | "power">,
  { out, at, stride }: SampleColumns,
): void {
  const { eventsAt, tokensAt, tokenIds, groupOf, eventMs, samplesAt, sampleEnd, sampleEvents } = corpus;
  const sums = new Float64Array(width * blocks);
  for (const u of users) {
    sums.fill(0);
    let sample = samplesAt[u]!;
    for (let e = eventsAt[u]!; e < eventsAt[u + 1]!; e++) {
      const gapMs = e > eventsAt[u]! ? eventMs[e]! - eventMs[e - 1]! : 0;
      if (gapMs > 0) scale(sums, 0, sums.length, 2 ** (-gapMs / halfLifeMs));
      for (let t = tokensAt[e]!; t < tokensAt[e + 1]!; t++) {
        const id = tokenIds[t]!;
        addScaledSingle(sums, blocks === 1 ? 0 : groupOf[id]! * width, table, id * width, width, 1);
      }
      if (sample === samplesAt[u + 1] || sampleEnd[sample] !== e + 1) continue;
      const shrink = 1 / (sampleEvents[sample]! + 1) ** power;
      for (let i = 0; i < sums.length; i++) out[sample * stride + at + i] = sums[i]! * shrink;
      sample++;
    }
  }
}

/** Few users are dealt in smaller groups, so that every fold gets several. */
const GROUPS_A_FOLD = 8;

/**
 * Deals users to folds in groups of neighbours in time, so that what is held out is as strange as tomorrow's
 * visitors: their news and their campaigns are not those of the members fitted on.
 */
function foldsOf(users: readonly History[], options: FitOptions): Uint8Array {
  const began = users.map((history) => history.events[0]?.tsMs ?? 0);
  const order = users
    .map((_, u) => u)
    .sort((a, b) => began[a]! - began[b]! || (users[a]!.user < users[b]!.user ? -1 : 1));
  const even = Math.floor(users.length / options.folds / GROUPS_A_FOLD);
  const size = Math.max(1, Math.min(options.foldRun, even));
  const folds = new Uint8Array(users.length);
  for (const [rank, u] of order.entries()) {
    folds[u] = rehash32(Math.floor(rank / size), SALT.fold ^ options.seed) % options.folds;
  }
  return folds;
}
