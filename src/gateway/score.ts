import { checkId } from "../events/check-text.ts";
import { LIMITS } from "../events/limits.ts";
import { parseEvent } from "../events/parse-event.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import type { ScoreAnswer, SegmentScore } from "../resonance/score-answer.ts";
import type { AskShard } from "./ask-shard.ts";
import { countUp, type GatewayCounters, type GatewayOptions, type GatewayPorts } from "./gateway-ports.ts";
import { fieldsOf, refused } from "./request-body.ts";
import { toBehaviour } from "./to-behaviour.ts";

/** One user's answer, as services see it. */
export type ScoreReply = Readonly<{
  user: string;
  map: string;
  known: boolean;
  segments: readonly SegmentScore[];
  none: number;
  evidence: number;
  versions: ScoreAnswer["versions"];
  ages: ScoreAnswer["ages"];
  position: ScoreAnswer["position"];
  /** Id of this answer: feedback and explanations refer to it. */
  decision: string;
}>;

/** What scores need of the world. */
export type ScorePorts = Pick<GatewayPorts, "clock" | "newId"> & Readonly<{ askShard: AskShard }>;

/** How long a shard waits for the log position that a request asks for. */
const AT_LEAST_WAIT_MS = 2_000;
const MAP_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** `score`: one user's distribution. */
export async function score(
  ports: ScorePorts,
  options: GatewayOptions,
  defaultMap: string | undefined,
  body: unknown,
): Promise<ScoreReply> {
  const fields = fieldsOf(body, ["user", "map", "context", "atLeast", "explain"]);
  const user = userOf(fields["user"]);
  const map = mapOf(fields["map"], defaultMap);
  refuseUnsupported(fields);
  const shard = shardOf(user, options.shards);
  const atLeast = sequenceFor(shard, fields["atLeast"]);
  const request = {
    users: [user],
    map,
    waitMs: AT_LEAST_WAIT_MS,
    ...(atLeast === undefined ? {} : { atLeast }),
  };
  const [answer] = await ports.askShard(shard, "score", request);
  return replyOf(answer, map, ports.newId());
}

/** `score.batch`: up to 1,000 users, answered in their order. */
export async function scoreBatch(
  ports: ScorePorts,
  options: GatewayOptions,
  defaultMap: string | undefined,
  body: unknown,
): Promise<Readonly<{ answers: readonly ScoreReply[] }>> {
  const fields = fieldsOf(body, ["users", "map", "context", "explain"]);
  const { users } = fields;
  if (!Array.isArray(users)) throw refused({ code: "WRONG_TYPE", message: "users must be a list of ids" });
  if (users.length > LIMITS.requestUsers) {
    throw refused({
      code: "TOO_MANY",
      message: `a request may have ${LIMITS.requestUsers} users at most: split it`,
    });
  }
  const map = mapOf(fields["map"], defaultMap);
  refuseUnsupported(fields);
  const byShard = new Map<number, { users: string[]; places: number[] }>();
  for (const [place, given] of users.entries()) {
    const user = userOf(given);
    const shard = shardOf(user, options.shards);
    const group = byShard.get(shard) ?? { users: [], places: [] };
    byShard.set(shard, group);
    group.users.push(user);
    group.places.push(place);
  }
  const answers: ScoreReply[] = new Array(users.length);
  await Promise.all(
    [...byShard].map(async ([shard, group]) => {
      const found = await ports.askShard(shard, "score", { users: group.users, map });
      for (const [i, place] of group.places.entries()) answers[place] = replyOf(found[i], map, ports.newId());
    }),
  );
  return { answers };
}

/**
 * `score.session`: a visitor of whom nothing is stored, told by the events in the request alone.
 *
 * @param nextShard - Any shard can tell; they take turns, since many services call all their visitors the same.
 */
export async function scoreSession(
  ports: ScorePorts,
  nextShard: () => number,
  counters: GatewayCounters,
  defaultMap: string | undefined,
  body: unknown,
): Promise<ScoreReply> {
  const fields = fieldsOf(body, ["events", "map", "context"]);
  const { events } = fields;
  if (!Array.isArray(events)) throw refused({ code: "WRONG_TYPE", message: "events must be a list" });
  if (events.length > LIMITS.requestEvents) {
    throw refused({ code: "TOO_MANY", message: `a session may have ${LIMITS.requestEvents} events at most` });
  }
  const map = mapOf(fields["map"], defaultMap);
  refuseUnsupported(fields);
  const nowMs = ports.clock.nowMs();
  const behaviours = events.map((input, index) => {
    const parsed = parseEvent(input, nowMs);
    if (parsed.kind === "refused")
      throw refused({ code: parsed.code, message: `events[${index}]: ${parsed.message}` });
    return toBehaviour(parsed.event, (purpose) => countUp(counters.dropped, purpose));
  });
  const [answer] = await ports.askShard(nextShard(), "session", { behaviours, map });
  return replyOf(answer, map, ports.newId());
}

function replyOf(answer: ScoreAnswer | undefined, map: string, decision: string): ScoreReply {
  const resonance = answer?.resonances.find((one) => one.map === map);
  if (answer === undefined || resonance === undefined) {
    // The shard has not folded the definitions that this gateway knows yet.
    throw new EngineError({
      code: "UNKNOWN_MAP",
      message: `map "${map}" is not in force yet`,
      retryable: true,
    });
  }
  const { user, known, evidence, versions, ages, position } = answer;
  return {
    user,
    map,
    known,
    segments: resonance.segments,
    none: resonance.none,
    evidence,
    versions,
    ages,
    position,
    decision,
  };
}

function userOf(value: unknown): string {
  const refusal =
    value === undefined ? { code: "MISSING_FIELD", message: "user is missing" } : checkId(value, "user");
  if (refusal !== undefined) throw refused(refusal);
  return value as string;
}

function mapOf(value: unknown, defaultMap: string | undefined): string {
  if (value === undefined) {
    if (defaultMap !== undefined) return defaultMap;
    throw refused({
      code: "NO_SEGMENTS",
      message: "no segments are defined: send segments.put, or start a node with --segments FILE",
    });
  }
  if (typeof value !== "string") throw refused({ code: "WRONG_TYPE", message: "map must be a map's name" });
  if (!MAP_NAME.test(value))
    throw refused({ code: "BAD_NAME", message: "a map's name has 1 to 64 letters, digits, - and _" });
  return value;
}

function refuseUnsupported(fields: Readonly<Record<string, unknown>>): void {
  for (const field of ["context", "explain"]) {
    const value = fields[field];
    if (value === undefined || value === false) continue;
    throw refused({ code: "NOT_SUPPORTED", message: `${field} has no effect in this version: leave it out` });
  }
}

/** The sequence that the user's shard must have folded: from one position, or from all that an ingest answered. */
function sequenceFor(shard: number, atLeast: unknown): number | undefined {
  if (atLeast === undefined) return undefined;
  const positions: readonly unknown[] = Array.isArray(atLeast) ? atLeast : [atLeast];
  let least: number | undefined;
  for (const position of positions) {
    const { shard: of, sequence } = fieldsOf(position, ["shard", "sequence"]);
    if (!Number.isSafeInteger(of) || !Number.isSafeInteger(sequence) || (sequence as number) < 0) {
      throw refused({
        code: "WRONG_TYPE",
        message: "atLeast takes {shard, sequence} as ingest answers them, or a list of these",
      });
    }
    if (of === shard) least = Math.max(least ?? 0, sequence as number);
  }
  return least;
}
