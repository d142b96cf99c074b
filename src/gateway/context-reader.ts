import Bowser from "bowser";
import { isbot } from "isbot";
import { type Referrer, referrerOf } from "./referrer-medium.ts";

type Context = Readonly<Record<string, string>>;
/** What a user agent is told as. */
type Agent = Readonly<{ device?: string; os?: string; browser?: string }>;

/** Texts whose reading is remembered, of each kind: a site's visitors send a few thousand user agents. */
const REMEMBERED_MAX = 4_096;
const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MINUTES = 60;
const DAY_MINUTES = 24 * HOUR_MINUTES;
/** Campaign parameters, and the fields that they become. */
const CAMPAIGN_FIELDS = [
  ["utm_source", "source"],
  ["utm_medium", "medium"],
  ["utm_campaign", "campaign"],
] as const;

/**
 * Makes contexts coarse before they are stored: an address becomes a domain, a user agent a kind of device, a time zone an hour.
 * What is coarse already passes unchanged, and a field that was sent is not told again by another one.
 */
export class ContextReader {
  readonly #referrers = new Remembered(referrerOf);
  readonly #agents = new Remembered(agentOf);
  readonly #programs = new Remembered(isProgram);
  readonly #zones = new Remembered(zoneOf);

  /** Whether a context says that no human is behind it: by the name of a crawler, a script, a headless browser. */
  isAutomated({ userAgent, device }: Context): boolean {
    return device === "bot" || (userAgent !== undefined && this.#programs.of(userAgent));
  }

  /**
   * @param context - Checked texts.
   * @param tsMs - When it was so, epoch ms.
   * @returns The very same object if there is nothing to do.
   */
  read(context: Context, tsMs: number): Context {
    const { referrer, medium, userAgent, zone, language, utcOffset, hour } = context;
    const came = referrer === undefined ? undefined : this.#referrers.of(referrer);
    const isCoarse =
      (came === undefined || came.referrer === referrer) &&
      (came?.medium === undefined || medium !== undefined) &&
      userAgent === undefined &&
      zone === undefined &&
      (language === undefined || languageOf(language) === language) &&
      (utcOffset === undefined || hour !== undefined) &&
      !CAMPAIGN_FIELDS.some(([parameter]) => context[parameter] !== undefined);
    return isCoarse ? context : this.#reduced(context, came, tsMs);
  }

  #reduced(context: Context, came: Referrer | undefined, tsMs: number): Context {
    const { userAgent, zone, ...rest } = context;
    const kept: Record<string, string> = rest;
    const add = (field: string, value: string | undefined): void => {
      if (value !== undefined && value !== "") kept[field] ??= value;
    };
    for (const [parameter, field] of CAMPAIGN_FIELDS) {
      add(field, context[parameter]?.trim().toLowerCase());
      delete kept[parameter];
    }
    if (came !== undefined) {
      if (came.referrer === "") delete kept["referrer"];
      else kept["referrer"] = came.referrer;
      add("medium", came.medium);
    }
    if (userAgent !== undefined)
      for (const [field, value] of Object.entries(this.#agents.of(userAgent))) add(field, value);
    if (context["language"] !== undefined) kept["language"] = languageOf(context["language"]);
    if (zone !== undefined) add("utcOffset", this.#zones.of(zone)?.(tsMs));
    add("hour", hourAt(tsMs, kept["utcOffset"]));
    return kept;
  }
}

/** A function of texts that remembers what it gave lately. */
class Remembered<Value> {
  readonly #read: (text: string) => Value;
  readonly #known = new Map<string, Value>();

  constructor(read: (text: string) => Value) {
    this.#read = read;
  }

  of(text: string): Value {
    const known = this.#known.get(text);
    if (known !== undefined || this.#known.has(text)) return known as Value;
    const value = this.#read(text);
    if (this.#known.size >= REMEMBERED_MAX) this.#known.clear();
    this.#known.set(text, value);
    return value;
  }
}

/** What apps of Android are known by if they do not say more: a human is behind them. */
const APP_LIBRARY = /^okhttp\//i;

function isProgram(userAgent: string): boolean {
  return isbot(userAgent) && !APP_LIBRARY.test(userAgent);
}

function agentOf(userAgent: string): Agent {
  if (userAgent === "") return {};
  const { browser, os, platform } = Bowser.parse(userAgent);
  const named = (name: string | undefined) =>
    name === undefined || name === "" ? undefined : name.toLowerCase();
  const [device, system, program] = [named(platform.type), named(os.name), named(browser.name)];
  return {
    ...(device === undefined ? {} : { device }),
    ...(system === undefined ? {} : { os: system }),
    ...(program === undefined ? {} : { browser: program }),
  };
}

/** `de` of `de-CH,de;q=0.9`. */
function languageOf(text: string): string {
  const first = /^\s*([A-Za-z]{2,3})([-_][A-Za-z0-9_-]+)?\s*([,;].*)?$/.exec(text)?.[1];
  return first === undefined ? text : first.toLowerCase();
}

/** Tells a zone's minutes ahead of UTC at a time, as text; undefined if there is no such zone. */
function zoneOf(zone: string): ((atMs: number) => string | undefined) | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
  // No zone changes its offset but at a quarter of an hour; asking what it is takes ten times as long as all else here.
  let quarter = Number.NaN;
  let known: string | undefined;
  return (atMs) => {
    const of = Math.floor(atMs / QUARTER_MS);
    if (of === quarter) return known;
    quarter = of;
    known = offsetAt(format, atMs);
    return known;
  };
}

function offsetAt(format: Intl.DateTimeFormat, atMs: number): string {
  const name = format.formatToParts(atMs).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const [, sign = "+", hours = "0", minutes = "0"] = /^GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(name) ?? [];
  const offset = HOUR_MINUTES * Number(hours) + Number(minutes);
  return String(sign === "-" ? -offset : offset);
}

/** The hour of the visitor's clock; undefined if their minutes ahead of UTC are not known. */
function hourAt(atMs: number, utcOffset: string | undefined): string | undefined {
  const offset = utcOffset === undefined || utcOffset === "" ? Number.NaN : Number(utcOffset);
  if (!Number.isInteger(offset) || Math.abs(offset) > DAY_MINUTES) return undefined;
  const minutes = Math.floor(atMs / MINUTE_MS) + offset;
  return String(Math.floor((((minutes % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES) / HOUR_MINUTES));
}
