import { compareIds } from "../kernel/compare-ids.ts";

/**
 * What feedback says of a user's segment in one map: log-likelihoods that fade. It is added to the logits of the live
 * resonance and never mixed into the embedding, where behaviour already counts (METHODS 3.2).
 */
export type Ledger = Readonly<{
  /** The time that the values are of, epoch ms. */
  atMs: number;
  evidence: Evidence;
}>;

/** Log-likelihoods by segment, and one for all the others and "none"; only their differences mean something. */
export type Evidence = Readonly<{
  /** Ordered as {@link compareIds} does. */
  segments: readonly string[];
  values: readonly number[];
  rest: number;
}>;

export type LedgerSettings = Readonly<{
  halfLifeMs: number;
  /** Most that a user's feedback may move a segment against the mean of all, in nats. */
  clip: number;
  /** How far feedback is believed, in (0, 1]; wholly if left out. */
  weight?: number;
}>;

export const LEDGER_SETTINGS: LedgerSettings = { halfLifeMs: 7 * 86_400_000, clip: 4 };

/** Segments whose values are kept apart; those closest to the rest join it. */
export const LEDGER_SEGMENTS_MAX = 16;

/**
 * Adds evidence of a time to a ledger; the order of arrival does not matter, a late one has faded itself. With `sign` -1
 * it takes back what was added with the same time: a click that came after its time-out.
 */
export function addEvidence(
  ledger: Ledger | undefined,
  evidence: Evidence,
  atMs: number,
  { halfLifeMs }: Pick<LedgerSettings, "halfLifeMs"> = LEDGER_SETTINGS,
  sign: 1 | -1 = 1,
): Ledger {
  const held = ledger ?? { atMs, evidence: { segments: [], values: [], rest: 0 } };
  const newestMs = Math.max(held.atMs, atMs);
  const left = faded(newestMs - held.atMs, halfLifeMs);
  const added = sign * faded(newestMs - atMs, halfLifeMs);
  const segments = [...new Set([...held.evidence.segments, ...evidence.segments])].sort(compareIds);
  const values = segments.map(
    (segment) => left * valueFor(held.evidence, segment) + added * valueFor(evidence, segment),
  );
  const rest = left * held.evidence.rest + added * evidence.rest;
  return { atMs: newestMs, evidence: sparse({ segments, values, rest }) };
}

/**
 * Adds a ledger to the offsets of a user's logits. It allocates nothing.
 *
 * @param places - Of the map's segments in its scorer; segments that the map has no more are passed over.
 * @param mode - Of the map: in an `exclusive` one the values count against the mean of all and "none"; in an
 *   `independent` one each against what is true of everybody.
 * @param offsets - Changed; shape [segments + 1], "none" last.
 */
export function addLedgerInto(
  { atMs: ofMs, evidence }: Ledger,
  places: ReadonlyMap<string, number>,
  mode: "exclusive" | "independent",
  atMs: number,
  offsets: Float64Array,
  { halfLifeMs, clip, weight = 1 }: LedgerSettings = LEDGER_SETTINGS,
): void {
  const { segments, values, rest } = evidence;
  const left = weight * faded(Math.max(0, atMs - ofMs), halfLifeMs);
  const count = places.size;
  let middle = rest;
  if (mode === "exclusive") {
    let above = 0;
    for (let i = 0; i < segments.length; i++) if (places.has(segments[i]!)) above += values[i]! - rest;
    middle += above / (count + 1);
  }
  const ofRest = clipped(left * (rest - middle), clip);
  for (let k = 0; k < count; k++) offsets[k] = offsets[k]! + ofRest;
  if (mode === "exclusive") offsets[count] = offsets[count]! + ofRest;
  for (let i = 0; i < segments.length; i++) {
    const k = places.get(segments[i]!);
    if (k !== undefined) offsets[k] = offsets[k]! - ofRest + clipped(left * (values[i]! - middle), clip);
  }
}

/** Keeps the segments that differ most from the rest. */
export function sparse({ segments, values, rest }: Evidence): Evidence {
  if (segments.length <= LEDGER_SEGMENTS_MAX) return { segments, values, rest };
  const kept = segments
    .map((segment, at) => ({ segment, value: values[at]! }))
    .sort(
      (one, other) =>
        Math.abs(other.value - rest) - Math.abs(one.value - rest) || compareIds(one.segment, other.segment),
    )
    .slice(0, LEDGER_SEGMENTS_MAX)
    .sort((one, other) => compareIds(one.segment, other.segment));
  return { segments: kept.map(({ segment }) => segment), values: kept.map(({ value }) => value), rest };
}

function valueFor({ segments, values, rest }: Evidence, segment: string): number {
  const at = segments.indexOf(segment);
  return at < 0 ? rest : values[at]!;
}

function faded(ageMs: number, halfLifeMs: number): number {
  return 2 ** (-ageMs / halfLifeMs);
}

function clipped(value: number, clip: number): number {
  return Math.max(-clip, Math.min(clip, value));
}
