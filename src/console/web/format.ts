/** A probability or share for people: two digits after the point below ten percent, none above it. */
export function percent(share: number, digits = share < 0.0995 ? 1 : 0): string {
  return `${(100 * share).toFixed(digits)}\u00a0%`;
}

/** A number with its sign. */
export function signed(value: number, digits = 2): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return `${value < 0 ? "−" : "+"}${text}`;
}

/** A share with its sign, in percent. */
export function signedPercent(share: number, digits = 1): string {
  return `${signed(100 * share, digits)}\u00a0%`;
}

/** A change of a share, in points of percent. */
export function points(change: number): string {
  return `${signed(100 * change, 1)}\u00a0pp`;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** A time of the day in this machine's time. */
export function clock(atMs: number): string {
  return CLOCK.format(atMs);
}

const COUNT = new Intl.NumberFormat("en");

export function count(value: number): string {
  return COUNT.format(Math.round(value));
}

/** A number with so many figures that it can be read at a glance. */
export function figure(value: number | null): string {
  if (value === null) return "–";
  return Math.abs(value) >= 1_000 ? count(value) : String(Number(value.toPrecision(3)));
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** A span of time, in the largest unit of which there are two, else in the next smaller one. */
export function span(ms: number): string {
  for (const [name, unitMs] of UNITS) if (ms >= 2 * unitMs) return `${Math.round(ms / unitMs)}\u00a0${name}`;
  return ms >= 1_000 ? "1 s" : `${Math.max(0, Math.round(ms))} ms`;
}

/** How long ago something was; clocks may differ a little. */
export function ago(atMs: number, nowMs = Date.now()): string {
  const ms = nowMs - atMs;
  return ms < 2_000 ? "just now" : `${span(ms)} ago`;
}

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** A moment in this machine's time. */
export function moment(atMs: number): string {
  return TIME.format(atMs);
}

/** Bytes, in the unit that fits. */
export function bytes(value: number): string {
  if (value >= 2 ** 30) return `${(value / 2 ** 30).toFixed(1)} GiB`;
  return value >= 2 ** 20 ? `${Math.round(value / 2 ** 20)} MiB` : `${Math.round(value / 2 ** 10)} KiB`;
}

/** The beginning of a long id such as an encoder's. */
export function short(id: string): string {
  return id === "" ? "untrained" : id.slice(0, 16).replace(/-$/, "");
}
