import { checkId } from "../events/check-text.ts";
import { LIMITS } from "../events/limits.ts";
import { checkContext } from "../events/parse-event.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { COLUMN_FIELDS, type ColumnField, type ScoreAspect } from "./score-answer.ts";

/** A place in a shard's log that an answer must contain, as `ingest` tells it. */
type Place = Readonly<{ shard: number; sequence: number }>;

/** Texts by key, as an event's context; not coarse yet. */
export type RequestContext = Readonly<Record<string, string>>;

/** What `score` is asked. */
export type ScoreRequest = ScoreAspect &
  Readonly<{
    user: string;
    atLeast: readonly Place[];
    /** Where the visitor comes from, and on what. */
    context?: RequestContext;
    /** Whether the answer is to tell why it is what it is. */
    explain: boolean;
  }>;

/** What `explain` is asked: about one answer that was given, or about a user now. */
export type ExplainRequest = Readonly<{
  about: Readonly<{ decision: string }> | Readonly<{ user: string; map?: string; context?: RequestContext }>;
  /** Segments whose logits are taken apart, too. */
  segments: readonly string[];
}>;

/** What `score.batch` is asked. */
export type BatchRequest = ScoreAspect &
  Readonly<{
    users: readonly string[];
    /** Values beside the probabilities if the answers are wanted as columns. */
    columns?: readonly ColumnField[];
  }>;

const SCORE_FIELDS = ["user", "map", "context", "atLeast", "explain", "top"];
const BATCH_FIELDS = ["users", "map", "context", "explain", "top", "format", "fields"];
const EXPLAIN_FIELDS = ["decision", "user", "map", "context", "segments"];
const MAP_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** @throws EngineError with the code of what is wrong with the request. */
export function readScoreRequest(body: unknown): ScoreRequest {
  const fields = fieldsOf(body, SCORE_FIELDS);
  const user = userOf(fields["user"]);
  const aspect = aspectOf(fields);
  const { explain = false } = fields;
  if (typeof explain !== "boolean")
    throw refused({ code: "WRONG_TYPE", message: "explain must be true or false" });
  return { user, ...aspect, ...contextOf(fields), atLeast: placesOf(fields["atLeast"]), explain };
}

/** @throws EngineError with the code of what is wrong with the request. */
export function readExplainRequest(body: unknown): ExplainRequest {
  const fields = fieldsOf(body, EXPLAIN_FIELDS);
  const { decision, user, segments = [] } = fields;
  if (!Array.isArray(segments) || segments.some((segment) => typeof segment !== "string"))
    throw refused({ code: "WRONG_TYPE", message: "segments must be a list of names" });
  if (decision === undefined) {
    const map = mapOf(fields["map"]);
    const about = { user: userOf(user), ...(map === undefined ? {} : { map }), ...contextOf(fields) };
    return { about, segments };
  }
  if (user !== undefined || fields["map"] !== undefined || fields["context"] !== undefined)
    throw refused({
      code: "NOT_SUPPORTED",
      message: "a decision names its user and its map: leave user, map and context out",
    });
  const refusal = checkId(decision, "decision");
  if (refusal !== undefined) throw refused(refusal);
  return { about: { decision: decision as string }, segments };
}

/** @throws EngineError with the code of what is wrong with the request. */
export function readBatchRequest(body: unknown): BatchRequest {
  const fields = fieldsOf(body, BATCH_FIELDS);
  const { users } = fields;
  if (!Array.isArray(users)) throw refused({ code: "WRONG_TYPE", message: "users must be a list of ids" });
  if (users.length > LIMITS.requestUsers) {
    throw refused({
      code: "TOO_MANY",
      message: `a request may have ${LIMITS.requestUsers} users at most: split it`,
    });
  }
  const aspect = aspectOf(fields);
  refuseOfOne(fields);
  const columns = columnsOf(fields);
  if (columns !== undefined && aspect.top !== undefined)
    throw refused({ code: "NOT_SUPPORTED", message: "columns hold all segments: leave top out" });
  for (const user of users) userOf(user);
  return { users: users as string[], ...aspect, ...(columns === undefined ? {} : { columns }) };
}

/** The map and the number of segments that a request names. */
export function aspectOf(fields: Readonly<Record<string, unknown>>): ScoreAspect {
  const map = mapOf(fields["map"]);
  const top = topOf(fields["top"]);
  return { ...(map === undefined ? {} : { map }), ...(top === undefined ? {} : { top }) };
}

/**
 * The context of a request.
 *
 * @throws EngineError as an event's context would be refused.
 */
export function contextOf({ context }: Readonly<Record<string, unknown>>): { context?: RequestContext } {
  if (context === undefined) return {};
  const refusal = checkContext(context);
  if (refusal !== undefined) throw refused(refusal);
  return { context: context as RequestContext };
}

/** @throws EngineError `NOT_SUPPORTED` for what is of one user. */
function refuseOfOne(fields: Readonly<Record<string, unknown>>): void {
  for (const field of ["context", "explain"]) {
    const value = fields[field];
    if (value === undefined || value === false) continue;
    throw refused({ code: "NOT_SUPPORTED", message: `${field} is of one user: ask score for each` });
  }
}

/** The sequence that a shard must have folded: the highest of its own among the places; undefined if none is. */
export function sequenceFor(shard: number, places: readonly Place[]): number | undefined {
  let least: number | undefined;
  for (const place of places) if (place.shard === shard) least = Math.max(least ?? 0, place.sequence);
  return least;
}

/** There is no map to score. */
export function noSegments(): Error {
  const message = "no segments are defined: send segments.put, or start a node with --segments FILE";
  return refused({ code: "NO_SEGMENTS", message });
}

/** @throws EngineError with the code of what is wrong with a user's id. */
export function userOf(value: unknown): string {
  const refusal =
    value === undefined ? { code: "MISSING_FIELD", message: "user is missing" } : checkId(value, "user");
  if (refusal !== undefined) throw refused(refusal);
  return value as string;
}

function mapOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw refused({ code: "WRONG_TYPE", message: "map must be a map's name" });
  if (!MAP_NAME.test(value))
    throw refused({ code: "BAD_NAME", message: "a map's name has 1 to 64 letters, digits, - and _" });
  return value;
}

function topOf(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw refused({ code: "WRONG_TYPE", message: "top must be a whole number of segments, 1 or more" });
}

function columnsOf({
  format,
  fields,
}: Readonly<Record<string, unknown>>): readonly ColumnField[] | undefined {
  if (format !== undefined && format !== "answers" && format !== "columns")
    throw refused({ code: "WRONG_TYPE", message: 'format must be "answers" or "columns"' });
  const isColumns = format === "columns";
  if (fields === undefined) return isColumns ? [] : undefined;
  if (!isColumns)
    throw refused({
      code: "NOT_SUPPORTED",
      message: 'fields are chosen of columns: add "format": "columns"',
    });
  if (!Array.isArray(fields) || fields.some((field) => !COLUMN_FIELDS.includes(field)))
    throw refused({ code: "WRONG_TYPE", message: `fields must be a list of ${COLUMN_FIELDS.join(", ")}` });
  return fields as ColumnField[];
}

function placesOf(atLeast: unknown): readonly Place[] {
  if (atLeast === undefined) return [];
  const positions: readonly unknown[] = Array.isArray(atLeast) ? atLeast : [atLeast];
  return positions.map((position) => {
    const { shard, sequence } = fieldsOf(position, ["shard", "sequence"]);
    if (Number.isSafeInteger(shard) && Number.isSafeInteger(sequence) && (sequence as number) >= 0)
      return { shard: shard as number, sequence: sequence as number };
    throw refused({
      code: "WRONG_TYPE",
      message: "atLeast takes {shard, sequence} as ingest answers them, or a list of these",
    });
  });
}
