import { readJson } from "../actors/read-json.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import { decode } from "../kernel/msgpack.ts";
import { type ErasureRecord, type ErasureState, erasureKey } from "../privacy/erasure-record.ts";
import type { Flip, ThresholdDistance } from "../resonance/explanation.ts";
import type { Journey } from "../resonance/journey.ts";
import type { ScoreAnswer } from "../resonance/score-answer.ts";
import type { AskShard } from "./ask-shard.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/** An event of a journey, as far as the ring of recent events tells. */
export type JourneyEvent = Readonly<{
  /** Its number, of all that the user did. */
  done: number;
  tsMs: number;
  /** Left out for a type that is not known by name. */
  type?: string;
  hasItem: boolean;
  categories: number;
  keywords: number;
  value?: number;
}>;

/** What is known of a user beside their behaviour. */
export type VisitorPerson = Readonly<{
  isAuthenticated: boolean;
  isProgram: boolean;
  /** Whether they may be personalised for; if not, they are answered as somebody unknown. */
  mayBeKnown: boolean;
  firstTsMs: number;
  lastTsMs: number;
  /** Map to segment, as `identify` told; null where it said none. */
  labels: Readonly<Record<string, string | null>>;
  /** What may be done, and what the user themselves answered; null where they were not heard. */
  purposes: readonly Readonly<{ purpose: string; isAllowed: boolean; answer: boolean | null }>[];
}>;

/** What a user is answered in one map, why, and how it came to that. */
export type VisitorJourney = Journey &
  Readonly<{
    answer: ScoreAnswer;
    /** When it was answered, epoch ms. */
    atMs: number;
    mode: "exclusive" | "independent";
    segments: readonly string[];
    thresholds: readonly ThresholdDistance[];
    /** `told`: events that its places are among, the newest. */
    flip: Flip & Readonly<{ told: number }>;
    /** Events that the user has done, that are held, and that are told. */
    counts: Readonly<{ done: number; held: number; told: number }>;
    /** Oldest first; `points` has one more. */
    events: readonly JourneyEvent[];
    /** Null if nothing is held of the user. */
    person: VisitorPerson | null;
  }>;

/** The erasure of a user that is not done everywhere. */
export type PendingErasure = Readonly<{ erasure: string; state: ErasureState; askedMs: number | null }>;

/** {@link VisitorJourney}, and whether the user is being erased. */
export type VisitorLens = VisitorJourney & Readonly<{ user: string; erasing: PendingErasure | null }>;

/** Whom to look at, and how far back. */
export type LensRequest = Readonly<{
  user: string;
  map: string;
  /** Events told, at most. */
  events: number;
  /** Number of the event that is taken apart, of all that the user did; the newest if left out. */
  done?: number;
}>;

/** The same with what the user's shard handed out; plain data. */
export type JourneyQuestion = LensRequest & Readonly<{ shard: number; held: Uint8Array }>;

type LensPorts = Pick<GatewayPorts, "hashUser" | "releases"> &
  Readonly<{
    askShard: AskShard;
    /** Works a journey out, off the way of other requests. */
    journey(question: JourneyQuestion): Promise<VisitorJourney>;
  }>;

/**
 * Looks at one user. What is held of them is asked of their shard, and worked out elsewhere.
 *
 * @throws EngineError `UNKNOWN_MAP`, `NO_SEGMENTS`; `OVERLOADED`, `RELEASE_MISSING`, `TIMEOUT` (retryable).
 */
export async function lookAtVisitor(
  ports: LensPorts,
  { shards }: Pick<GatewayOptions, "shards">,
  asked: LensRequest,
): Promise<VisitorLens> {
  const { askShard, hashUser } = ports;
  const { user } = asked;
  const shard = shardOf(user, shards);
  const [[held = new Uint8Array()], [erasing = new Uint8Array()]] = await Promise.all([
    askShard(shard, "holding", { user }),
    askShard(shard, "erasing", { user, hash: hashUser(user) }),
  ]);
  const journey = await ports.journey({ ...asked, shard, held });
  const { pending } = decode(erasing) as Readonly<{ pending: string | null }>;
  return { ...journey, user, erasing: pending === null ? null : await erasureOf(ports, pending) };
}

async function erasureOf(
  { releases }: Pick<GatewayPorts, "releases">,
  erasure: string,
): Promise<PendingErasure> {
  const record = await readJson<ErasureRecord>(releases, erasureKey(erasure)).catch((thrown) => {
    if (thrown instanceof EngineError) return undefined; // It is pending, whatever its record would say.
    throw thrown;
  });
  return { erasure, state: record?.state ?? "asked", askedMs: record?.askedMs ?? null };
}
