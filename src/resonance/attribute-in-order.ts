import { seededRandom } from "../kernel/random.ts";
import { type Attribution, firstTold, type Share, shareOf, sumOf } from "./attribution.ts";
import type { Rescore, ScoringParts } from "./rescore.ts";

/** Orders that sources come in, half of them the reverse of the others: a score for each source and order. */
const ORDERS = 8;
const SEED = 1;

/**
 * Takes the logits apart for an encoder that is no sum: parts come one after the other, and each counts what it changes,
 * so that they add up whatever the encoder does.
 *
 * Events come in the order in which they did: an event's part is the logit after it minus that before it. What the held
 * events alone do not explain is `earlier`. Sources (the families of features, and the history as the encoder keeps it)
 * have no order of their own: their parts are means over some orders and their reverses, at the evidence that there is.
 *
 * @param told - Events told one by one, the newest.
 * @see Castro et al., "Polynomial calculation of the Shapley value based on sampling", 2009; Mitchell et al., "Sampling
 * Permutations for Shapley Value Estimation", JMLR 2022 (antithetic orders).
 */
export function attributeInOrder(parts: ScoringParts, rescore: Rescore, told: number): Attribution {
  return {
    method: "ordered",
    bySource: sourcesOf(parts, rescore),
    byEvent: eventsOf(parts, rescore, told),
  };
}

function eventsOf({ scorer }: ScoringParts, rescore: Rescore, told: number): Share[] {
  const { logPrior, segments } = scorer;
  const count = segments.length + 1;
  const after = rescore.afterEach();
  const held = after.length - 1;
  const first = firstTold(held, told);
  const changed = (before: Float64Array, then: Float64Array, label: Share["label"]): Share =>
    shareOf(label, count, (k) => difference(then[k]!, before[k]!));
  const { shifts = [] } = rescore.user;
  const each = Array.from({ length: held }, (_, e) =>
    changed(after[e]!, after[e + 1]!, { kind: "event", event: e - first }),
  );
  const beyond = changed(after[held]!, rescore.actual.values, { kind: "earlier" });
  return [
    shareOf({ kind: "prior" }, count, (k) => logPrior[k]!),
    ...shifts,
    ...each.slice(first),
    sumOf({ kind: "earlier" }, count, [beyond, ...each.slice(0, first)]),
  ];
}

/** What comes into a score one after the other: families by number, and the history. */
const HISTORY = -1;

function sourcesOf({ encoder, schema, scorer }: ScoringParts, rescore: Rescore): Share[] {
  const { logPrior, segments } = scorer;
  const count = segments.length + 1;
  const { evidence, features, user } = rescore;
  const { intercepts } = rescore.actual;
  const full = user.held.slab.subarray(0, encoder.slots);
  const slab = new Float64Array(encoder.slots);
  const reading = new Float32Array(schema.width);
  const readsOf = spansOf(schema.families.map((family) => family.features.length));
  const sources = [HISTORY, ...schema.families.keys()].filter(
    (source) => source === HISTORY || features.subarray(...readsOf[source]!).some((x) => x !== 0),
  );
  const sums = new Map(sources.map((source) => [source, new Float64Array(count)]));

  const nothing = rescore.logits(slab, reading, evidence).values;
  const orders = someOrders(sources);
  for (const order of orders) {
    slab.fill(0);
    reading.fill(0);
    let before = nothing;
    for (const source of order) {
      if (source === HISTORY) slab.set(full);
      else reading.set(features.subarray(...readsOf[source]!), readsOf[source]![0]);
      const { values } = rescore.logits(slab, reading, evidence);
      const sum = sums.get(source)!;
      for (let k = 0; k < count; k++) sum[k]! += difference(values[k]!, before[k]!) / orders.length;
      before = values;
    }
  }

  const prior = shareOf({ kind: "prior" }, count, (k) => logPrior[k]!);
  const intercept = shareOf({ kind: "intercept" }, count, (k) => intercepts[k]!);
  const { shifts = [] } = user;
  const known = sumOf({ kind: "prior" }, count, [prior, ...shifts, intercept]);
  const bias = shareOf({ kind: "bias" }, count, (k) => difference(nothing[k]!, known.values[k]!));
  const none = new Float64Array(count);
  const families = schema.families.map(({ name }, f): Share => {
    return { label: { kind: "family", name }, values: sums.get(f) ?? none };
  });
  return [
    prior,
    ...shifts,
    intercept,
    bias,
    { label: { kind: "history" }, values: sums.get(HISTORY)! },
    ...families,
  ];
}

/** Where each of some runs begins and ends, one behind the other. */
function spansOf(lengths: readonly number[]): (readonly [from: number, to: number])[] {
  let to = 0;
  return lengths.map((length) => {
    to += length;
    return [to - length, to] as const;
  });
}

function someOrders(sources: readonly number[]): number[][] {
  const random = seededRandom(SEED);
  return Array.from({ length: ORDERS / 2 }, () => {
    const order = [...sources];
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return [order, order.toReversed()];
  }).flat();
}

/** "None" of an independent map is never a part of it. */
function difference(then: number, before: number): number {
  return then === Number.NEGATIVE_INFINITY ? 0 : then - before;
}
