import type { Encoder } from "../embedding/encoder.ts";
import { TOKEN_GROUPS } from "../embedding/event-tokens.ts";
import { dot } from "../embedding/vector.ts";
import { type Attribution, firstTold, type Share, shareOf, sumOf } from "./attribution.ts";
import type { Rescore, ScoringParts } from "./rescore.ts";

/**
 * Takes the logits apart where the embedding is a sum. A similarity is linear in the embedding once its length is held
 * at what it is, so each summand has its share, and so has the centre that is taken off.
 *
 * @param decompose - The encoder's own.
 * @param told - Events told one by one, the newest.
 */
export function attributeExactly(
  { encoder, schema, scorer }: ScoringParts,
  decompose: NonNullable<Encoder["decompose"]>,
  rescore: Rescore,
  told: number,
): Attribution {
  const { dim, segments, directions, center, logPrior } = scorer;
  const { held, events, atMs, shifts = [] } = rescore.user;
  const { intercepts, slope } = rescore.actual;
  const count = segments.length + 1;
  const isNone = (k: number) => k === segments.length;
  const parts = decompose.call(encoder, held.slab, 0, rescore.features, atMs, events);

  /** What row `row` of some vectors adds to each logit; nothing to that of "none". */
  const along = (label: Share["label"], vectors: Float64Array, row = 0, factor = slope): Share =>
    shareOf(label, count, (k) => (isNone(k) ? 0 : factor * dot(vectors, row * dim, unit, k * dim, dim)));
  const unit = Float64Array.from(directions);
  const prior = shareOf({ kind: "prior" }, count, (k) => logPrior[k]!);
  const intercept = shareOf({ kind: "intercept" }, count, (k) => intercepts[k]!);
  const middle = along({ kind: "center" }, Float64Array.from(center), 0, -slope);
  const bias = along({ kind: "bias" }, parts.bias);
  const start = [prior, ...shifts, intercept, middle, bias];

  let feature = 0;
  const families = schema.families.map(({ name, features }) => {
    const own = features.map(() => along({ kind: "family", name }, parts.features, feature++));
    return sumOf({ kind: "family", name }, count, own);
  });
  const groups = Object.entries(TOKEN_GROUPS).map(([name, group]) =>
    along({ kind: "tokens", name }, parts.groups, group),
  );
  const older = along({ kind: "earlier" }, parts.earlier);
  const first = firstTold(events.length, told);
  const each = events.map((_, e) => along({ kind: "event", event: e - first }, parts.events, e));
  return {
    method: "exact",
    bySource: [...start, ...families, ...groups, older],
    byEvent: [
      ...start,
      sumOf({ kind: "features" }, count, families),
      ...each.slice(first),
      sumOf({ kind: "earlier" }, count, [older, ...each.slice(0, first)]),
    ],
  };
}
