import type { ArrivalField } from "../../features/arrival.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import type { SegmentMap } from "../../resonance/segment-map.ts";

/** A map of segments, and the label of a users file that they come from. */
export type MapLabel = Readonly<{ name: string; label: string }>;

/** A label of a users file that tells how a user came, and the field of a context that it is. */
export type ContextLabel = Readonly<{ field: ArrivalField; label: string }>;

/** The window holds the whole file: how long a profile should remember is not what is measured. */
const WINDOW = { bucketMs: 86_400_000, buckets: 36_500 };

/**
 * A map whose segments are the values of a label, in the order of their names.
 *
 * @param values - Label of each user.
 * @throws EngineError `NO_LABELS` if there are fewer than two values.
 */
export function mapOfLabels(
  { name, label }: MapLabel,
  values: Iterable<string>,
  path: string,
): Readonly<{ map: SegmentMap; segmentOf: ReadonlyMap<string, string> }> {
  const labels = [...new Set(values)].sort();
  if (labels.length < 2) {
    const message = `${path}: the label "${label}" has ${labels.length} values; two or more are needed`;
    throw new EngineError({ code: "NO_LABELS", message, retryable: false });
  }
  const segmentOf = new Map(labels.map((value, index) => [value, segmentName(value, index)]));
  const map: SegmentMap = {
    name,
    mode: "exclusive",
    segments: labels.map((value) => ({ name: segmentOf.get(value) ?? value })),
    window: WINDOW,
    threshold: { enter: 0.5, minEvidence: 1 },
  };
  return { map, segmentOf };
}

/**
 * A map as a deployment defines it; a label that is none of its segments makes its user background.
 *
 * @throws EngineError `UNKNOWN_MAP` if there is no map of that name.
 */
export function mapAsDefined(
  { name }: MapLabel,
  definitions: readonly SegmentMap[],
): ReturnType<typeof mapOfLabels> {
  const map = definitions.find((defined) => defined.name === name);
  if (map === undefined) {
    const message = `no map "${name}" is defined: use one of ${definitions.map((defined) => defined.name).join(", ")}`;
    throw new EngineError({ code: "UNKNOWN_MAP", message, retryable: false });
  }
  return { map, segmentOf: new Map(map.segments.map((segment) => [segment.name, segment.name])) };
}

/** A label as a segment's name: what the name may not have becomes a dash, with a number so that names stay distinct. */
function segmentName(label: string, index: number): string {
  if (/^[A-Za-z0-9_-]{1,64}$/.test(label)) return label;
  return `${label.replaceAll(/[^A-Za-z0-9_-]+/g, "-").slice(0, 56)}-${index}`;
}
