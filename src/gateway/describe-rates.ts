import { type Beta, betaMean, credibleInterval } from "../content/beta.ts";
import { type ContentCatalogue, contentsOf, type Placement } from "../content/catalogue.ts";
import { clickPosterior, type RateTable, rateTable } from "../content/rate-table.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { readPublishedRates } from "./popular-content.ts";

/** How often something is clicked, as far as is known. */
export type RateView = Readonly<{
  /** Null for all users together. */
  segment: string | null;
  /** Impressions behind it that have had their time, newer ones counting more. */
  shown: number;
  /** Mean of the posterior, and where 95 % of it lie, in [0, 1]. */
  rate: number;
  interval: readonly [low: number, high: number];
  /** Purchases a click; the mean of its posterior. */
  purchases: number;
}>;

/** The reply of `content.rates`. */
export type RatesReply = Readonly<{
  /** Of the rates that are published last; 0 before any. */
  version: number;
  /** Milliseconds since the newest impression in them; null before any. */
  ageMs: number | null;
  placements: readonly Readonly<{
    placement: string;
    map: string;
    /** How far feedback is believed in this map, in (0, 1], as fitted on its members; null while they are too few. */
    trust: number | null;
    contents: readonly Readonly<{ content: string; rates: readonly RateView[] }>[];
  }>[];
}>;

/** Intervals take a tenth of a millisecond each: more are asked for in parts. */
const CELLS_MAX = 5_000;
/** Cells between two pauses: scores wait behind them. */
const CELLS_A_SLICE = 16;

/** `content.rates`: the posteriors that decisions are made by, of all placements, or of those that the request names. */
export async function describeRates(
  ports: Pick<GatewayPorts, "clock" | "releases" | "sleep">,
  catalogue: ContentCatalogue,
  maps: readonly SegmentMap[],
  body: unknown,
): Promise<RatesReply> {
  const asked = readRequest(body);
  const { version, release } = await readPublishedRates(ports);
  const placements = catalogue.placements.filter(({ name }) => isAsked(asked.placement, name));
  const named = asked.placement ?? "";
  if (placements.length === 0 && named !== "")
    throw refused({ code: "UNKNOWN_PLACEMENT", message: "no such placement is defined" });
  const tables = placements.map((placement) => ({
    placement,
    ...tableOf(placement, catalogue, maps, release),
  }));
  refuseIfTooMany(tables, asked);
  let cells = 0;
  const told: RatesReply["placements"][number][] = [];
  for (const { placement, table } of tables) {
    const contents: { content: string; rates: RateView[] }[] = [];
    for (const [c, content] of table.contents.entries()) {
      if (!isAsked(asked.content, content)) continue;
      const rates: RateView[] = [];
      for (const k of [table.segments.length, ...table.segments.keys()]) {
        if (!isAsked(asked.segment, table.segments[k])) continue;
        rates.push(viewOf(table, k, c));
        if (++cells % CELLS_A_SLICE === 0) await ports.sleep(0);
      }
      contents.push({ content, rates });
    }
    const trust = release.trust.get(placement.map) ?? null;
    told.push({ placement: placement.name, map: placement.map, trust, contents });
  }
  const ageMs = version === 0 ? null : Math.max(0, ports.clock.nowMs() - release.atMs);
  return { version, ageMs, placements: told };
}

type Asked = Readonly<{ placement?: string; content?: string; segment?: string }>;

function readRequest(body: unknown): Asked {
  const fields = fieldsOf(body, ["placement", "content", "segment"]);
  for (const [field, value] of Object.entries(fields))
    if (value !== undefined && typeof value !== "string")
      throw refused({ code: "WRONG_TYPE", message: `${field} must be a text` });
  return fields as Asked;
}

function tableOf(
  { name, map, timeoutMs }: Placement,
  catalogue: ContentCatalogue,
  maps: readonly SegmentMap[],
  { atMs, rates }: Awaited<ReturnType<typeof readPublishedRates>>["release"],
): Readonly<{ table: RateTable }> {
  const segments = maps.find((one) => one.name === map)?.segments.map((segment) => segment.name) ?? [];
  const contents = contentsOf(catalogue, name).map(({ id }) => id);
  return { table: rateTable(rates, { placement: name, segments, contents, atMs, timeoutMs }) };
}

function refuseIfTooMany(tables: readonly Readonly<{ table: RateTable }>[], asked: Asked): void {
  const cells = tables.reduce((sum, { table }) => {
    const contents = asked.content === undefined ? table.contents.length : 1;
    return sum + contents * (asked.segment === undefined ? table.segments.length + 1 : 1);
  }, 0);
  if (cells <= CELLS_MAX) return;
  const message = `${cells} rates are too many for one reply: name a placement, a content or a segment`;
  throw refused({ code: "TOO_MANY", message });
}

function isAsked(asked: string | undefined, name: string | undefined): boolean {
  return asked === undefined || asked === name;
}

function viewOf(table: RateTable, k: number, content: number): RateView {
  const posterior = clickPosterior(table, k, content);
  const at = k * table.contents.length + content;
  const purchases: Beta = { a: table.purchaseA[at]!, b: table.purchaseB[at]! };
  return {
    segment: table.segments[k] ?? null,
    shown: table.shown[at]!,
    rate: betaMean(posterior),
    interval: credibleInterval(posterior),
    purchases: betaMean(purchases),
  };
}
