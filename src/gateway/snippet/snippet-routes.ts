import { decodeRequest } from "../../events/decode-request.ts";
import { LIMITS } from "../../events/limits.ts";
import { refuse } from "../../events/refusal.ts";
import { refused } from "../../events/request-body.ts";
import { toWireError } from "../../kernel/engine-error.ts";
import type { HttpReply, HttpRequest, HttpRoute } from "../http/http-route.ts";
import { type Intake, type ReadItem, takeItems } from "../intake.ts";

/** The script, as a browser gets it. */
export type SnippetScript = Readonly<{ body: Uint8Array; etag: string }>;

/** What the routes need. */
export type SnippetParts = Readonly<{
  intake: Intake;
  /** The gateway's time, epoch ms. */
  nowMs(): number;
  /** The script; undefined if it is not built and can't be. */
  script(): Promise<SnippetScript | undefined>;
}>;

type Fields = Readonly<Record<string, unknown>>;

const JSON_TYPE = "application/json";
const SCRIPT_TYPE = "text/javascript; charset=utf-8";
/** How long a browser uses the script without asking: so long an old one may be in use. */
const CACHE_CONTROL = "public, max-age=3600";
const NOTHING = new Uint8Array();

/** The script that pages load, and where it sends what visitors do: docs/snippet.md. */
export function snippetRoutes(parts: SnippetParts): readonly HttpRoute[] {
  return [
    { method: "GET", path: "/resonance.js", answer: (request) => scriptFor(request, parts) },
    {
      method: "POST",
      path: "/v1/events",
      role: "producer",
      keyIn,
      answer: (request) => taken(request, parts),
    },
  ];
}

async function scriptFor({ header }: HttpRequest, parts: SnippetParts): Promise<HttpReply> {
  const script = await parts.script();
  if (script === undefined) {
    const message = "the script is not built: `npm run build` makes it";
    const error = { code: "UNKNOWN_ROUTE", message, retryable: false };
    return { body: written(error), contentType: JSON_TYPE, error };
  }
  const { body, etag } = script;
  const headers = { etag, "cache-control": CACHE_CONTROL };
  return header("if-none-match") === etag
    ? { body: NOTHING, contentType: SCRIPT_TYPE, headers, status: 304 }
    : { body, contentType: SCRIPT_TYPE, headers };
}

function keyIn(body: Uint8Array): string | undefined {
  const read = decodeRequest(body, JSON_TYPE);
  const key = read.kind === "value" ? fieldsIn(read.value)["key"] : undefined;
  return typeof key === "string" && key !== "" ? key : undefined;
}

async function taken(request: HttpRequest, { intake, nowMs }: SnippetParts): Promise<HttpReply> {
  try {
    const read = decodeRequest(request.body, JSON_TYPE);
    if (read.kind === "refused") throw refused(read);
    const { events, ...frame } = fieldsIn(read.value);
    if (!Array.isArray(events)) throw refused(refuse("WRONG_TYPE", "events must be a list"));
    if (events.length > LIMITS.requestEvents)
      throw refused(
        refuse("TOO_MANY", `a request may have ${LIMITS.requestEvents} events at most: split it`),
      );
    const around = contextOf(frame["context"], request);
    const aheadMs = aheadOf(frame["sentAt"], nowMs());
    const items = events.map((event) => itemOf(event, around, aheadMs));
    return { body: written(await takeItems(intake, items, request.producer)), contentType: JSON_TYPE };
  } catch (thrown) {
    const error = toWireError(thrown);
    return { body: written(error), contentType: JSON_TYPE, error };
  }
}

/** How the visitor came: what the page tells, and what their browser says of itself with every request. */
function contextOf(told: unknown, { header }: HttpRequest): Fields {
  const [userAgent, language] = [header("user-agent"), header("accept-language")];
  return {
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(language === undefined ? {} : { language }),
    ...fieldsIn(told),
  };
}

/** How much the sender's clock is ahead, ms. */
function aheadOf(sentAt: unknown, nowMs: number): number {
  return typeof sentAt === "number" && Number.isFinite(sentAt) ? sentAt - nowMs : 0;
}

function itemOf(event: unknown, around: Fields, aheadMs: number): ReadItem {
  if (typeof event !== "object" || event === null || Array.isArray(event))
    return refuse("NOT_AN_OBJECT", "an event must be an object");
  const { ts, ...fields } = event as Fields;
  const righted = typeof ts === "number" ? ts - aheadMs : ts;
  return { kind: "events", events: [{ context: around, ...fields, ts: righted }] };
}

function fieldsIn(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function written(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
