import type { Rate } from "../../gateway/rate-limiter.ts";

const UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];
const URL_USER = /(:\/\/|^|,)[^/@,\s]+@/g;

/**
 * A setting's value as a file would say it; undefined for none.
 *
 * @param shape - What the help calls a value: a number of `<duration>` is in ms.
 */
export function settingText(value: unknown, shape = ""): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (shape.includes("duration") && typeof value === "number") return durationText(value);
  if (Array.isArray(value)) return value.join(",");
  if (value === Number.POSITIVE_INFINITY) return "off";
  if (isRate(value)) return `${value.perSecond}/${value.burst}`;
  if (isAddress(value)) return `${value.host.includes(":") ? `[${value.host}]` : value.host}:${value.port}`;
  return String(value);
}

/** Milliseconds as `90d` or `1500ms`; "off" for never. */
export function durationText(ms: number): string {
  if (!Number.isFinite(ms)) return "off";
  const [unit, size] = UNITS.find(([, one]) => ms >= one && ms % one === 0) ?? ["ms", 1];
  return `${ms / size}${unit}`;
}

/** A text without the passwords and tokens of URLs in it. */
export function withoutSecrets(text: string): string {
  return text.replace(URL_USER, "$1(hidden)@");
}

function isRate(value: unknown): value is Rate {
  return typeof value === "object" && value !== null && "perSecond" in value && "burst" in value;
}

function isAddress(value: unknown): value is Readonly<{ host: string; port: number }> {
  return typeof value === "object" && value !== null && "host" in value && "port" in value;
}
