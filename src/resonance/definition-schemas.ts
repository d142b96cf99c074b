import * as v from "valibot";

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The name of a map, a segment or a placement: it may stand in a subject of NATS. */
export const nameSchema = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{1,64}$/, "must be 1 to 64 letters, digits, - or _"),
);

/** A duration such as `15m`, or milliseconds; becomes whole milliseconds. */
export const durationSchema = v.pipe(
  v.union([v.number(), v.string()]),
  v.transform((given) => (typeof given === "number" ? given : durationMs(given))),
  v.number("must be a duration such as 15m or 1d, or milliseconds"),
  v.integer(),
);

function durationMs(text: string): number {
  const match = /^(\d{1,9})([smhd])$/.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * (UNITS_MS[match[2] ?? ""] ?? Number.NaN);
}
