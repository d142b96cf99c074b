import type { BusReply, Producer } from "../../src/actors/bus.ts";
import type { Append, Log } from "../../src/actors/log.ts";
import { deploymentKeys } from "../../src/adapters/deployment-keys.ts";
import { entropyBytes } from "../../src/adapters/entropy.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { sealedSessionTokens } from "../../src/adapters/session-tokens.ts";
import { encodeReply } from "../../src/events/decode-request.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import type { LogEntry } from "../../src/events/log-entry.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import type { ExplainQuestion, ExportQuestion, GatewayOptions } from "../../src/gateway/gateway-ports.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import { decodeProfiles } from "../../src/profiles/profiles-codec.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import type {
  CarriedState,
  ScoreAnswer,
  ShardScoreRequest,
  ShardSessionRequest,
  ShardStatus,
} from "../../src/resonance/score-answer.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import type { HoldingRequest } from "../../src/shards/shard-messages.ts";

/** The gateway's time in these tests. */
export const NOW_MS = 1_767_225_600_000;
export const SHARDS = 4;

/** A map as `segments.put` takes it. */
export const A_MAP = { name: "life", segments: ["new", "loyal"] };

/**
 * A gateway over ports in memory, with shards that answer what they were asked.
 *
 * @param given.isPatient - Waits do not end, but for what they wait for; else they end at once.
 * @param given.options - Of the gateway, if others than the tests' usual ones.
 */
export async function gatewayWorld(
  given: { readonly isPatient?: boolean; readonly options?: Partial<GatewayOptions> } = {},
) {
  const subjects = subjectsOf("resonance");
  let sleptMs = 0;
  const clock = { nowMs: () => NOW_MS, monotonicMs: () => sleptMs };
  const stored = new MemoryLog(clock);
  const broken = new Set<number>();
  const applied = new Map<number, number>();
  const appended: { stream: string; messages: readonly Append[] }[] = [];
  const log: Log = {
    ensure: (stream) => stored.ensure(stream),
    read: (stream, from) => stored.read(stream, from),
    bounds: (stream) => stored.bounds(stream),
    last: (stream) => stored.last(stream),
    range: (...given) => stored.range(...given),
    messagesAt: (...given) => stored.messagesAt(...given),
    trim: (...given) => stored.trim(...given),
    redact: (...given) => stored.redact(...given),
    async append(stream, messages) {
      if ([...broken].some((shard) => stream === subjects.shardLog(shard))) throw logDown();
      appended.push({ stream, messages });
      return stored.append(stream, messages);
    },
  };
  for (let shard = 0; shard < SHARDS; shard++) await log.ensure(subjects.shardLog(shard));
  await log.ensure(subjects.samples);
  const bus = memoryBus(() => () => undefined);
  const releases = memoryBlobStore();
  let ids = 0;
  const newId = () => `decision-${++ids}`;
  const decisions = new DecisionIds([1, 2], "gateway");
  const questions: ExplainQuestion[] = [];
  const exported: ExportQuestion[] = [];
  const tokens = await sealedSessionTokens({
    keys: async () => (await deploymentKeys(releases, entropyBytes)).rotating("session-tokens"),
    random: entropyBytes,
    clock,
  });
  const gateway = createGateway(
    {
      bus,
      log,
      releases,
      clock,
      decisions,
      hashUser: userHasher(new Uint8Array(32)),
      tokens,
      newId: () => "gateway",
      cellKey: new Uint8Array(32),
      async explain(question) {
        questions.push(question);
        return encodeReply({ explained: true }, question.type);
      },
      async exportPage(question) {
        exported.push(question);
        return question.cursor === undefined
          ? { lines: [{ kind: "context", user: question.user }], next: "on" }
          : { lines: [{ kind: "end" }] };
      },
      subjects,
      decodeProfiles,
      memoryBytes: () => 1,
      async sleep(ms) {
        if (given.isPatient === true && ms > 0) await new Promise(() => {});
        sleptMs += ms;
      },
      cluster: () => ({ nodes: [], units: [] }),
      ownerOf: () => undefined,
      copiesOf: () => [],
      readiness: () => ({ ready: true, reasons: [] }),
    },
    { shards: SHARDS, node: "node-1", ...given.options },
  );
  return {
    gateway,
    releases,
    subjects,
    bus,
    appended,
    /** Ids as the shards and the gateway make them. */
    decisions,
    /** Pages of exports that the gateway asked for. */
    exported,
    /** What the gateway wanted to be explained. */
    questions,
    /** Shards whose logs fail. */
    broken,
    /** How far each shard says that it is; 0 if left out. */
    applied,
    /** How often the profile actor was told of new definitions. */
    refreshes: () => appended.filter(({ stream }) => stream === subjects.samples).length,

    /** Lets time pass. */
    pass(ms: number): void {
      sleptMs += ms;
    },

    /** Sends a value as JSON. */
    async ask(
      endpoint: string,
      body: unknown,
      producer?: Producer,
    ): Promise<{ value: unknown; reply: BusReply }> {
      const reply = await this.send(endpoint, new TextEncoder().encode(JSON.stringify(body)), "", producer);
      return { value: JSON.parse(new TextDecoder().decode(reply.data)), reply };
    },

    /** Sends bytes as they are. */
    async send(endpoint: string, data: Uint8Array, contentType = "", producer?: Producer): Promise<BusReply> {
      const handler = gateway.handlers[endpoint];
      if (handler === undefined) throw new Error(`there is no endpoint ${endpoint}`);
      const from = producer === undefined ? {} : { producer };
      const reply = await handler({ subject: subjects.api(endpoint), data, contentType, ...from });
      if (reply === undefined) throw new Error("the answer went elsewhere, though nobody waits there");
      return reply;
    },

    /** What a shard's log holds. */
    async entries(shard: number): Promise<LogEntry[]> {
      const stream = subjects.shardLog(shard);
      const { last } = await log.bounds(stream);
      if (last === 0) return [];
      const reader = await log.read(stream, 1);
      const messages = await reader.next(last);
      await reader.close();
      return messages.flatMap(({ data }) => decodeEntries(data));
    },

    /** Defines {@link A_MAP}, unless another is given. */
    define(maps: readonly unknown[] = [A_MAP]) {
      return this.ask("segments.put", { maps });
    },

    /** Lets all shards answer, but those given; the result lists what they were asked. */
    async serveShards(...except: readonly number[]): Promise<ShardQuestion[]> {
      const asked: ShardQuestion[] = [];
      for (let shard = 0; shard < SHARDS; shard++) {
        if (except.includes(shard)) continue;
        await bus.serve(subjects.shard(shard, "score"), ({ data }) => {
          const request = decode(data) as ShardScoreRequest;
          asked.push({ shard, name: "score", request });
          refuseUnknown(request.map);
          return packed({
            answers: request.users.map((user) => written(anAnswer(shard, user, newId()), request.type)),
          });
        });
        await bus.serve(subjects.shard(shard, "session"), ({ data }) => {
          const request = decode(data) as ShardSessionRequest;
          asked.push({ shard, name: "session", request });
          refuseUnknown(request.map);
          const answer = written(anAnswer(shard, "visitor", newId()), request.type);
          const carried = { part: "nothing", state: Uint8Array.of(1, 2, 3) } satisfies CarriedState;
          return packed({ answers: request.carries === true ? [answer, encode(carried)] : [answer] });
        });
        await bus.serve(subjects.shard(shard, "holding"), ({ data }) => {
          const request = decode(data) as HoldingRequest;
          asked.push({ shard, name: "holding", request });
          return packed({ answers: [encode(request.user)] });
        });
        await bus.serve(subjects.shard(shard, "status"), () =>
          packed({ ...aStatus(shard), applied: applied.get(shard) ?? 0 }),
        );
      }
      return asked;
    },
  };
}

/** What a shard was asked. */
export type ShardQuestion =
  | Readonly<{ shard: number; name: "score"; request: ShardScoreRequest }>
  | Readonly<{ shard: number; name: "session"; request: ShardSessionRequest }>
  | Readonly<{ shard: number; name: "holding"; request: HoldingRequest }>;

/** A valid event; fields may be changed or added. */
export function anEvent(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { id: "e1", user: "ada", type: "view", ts: NOW_MS - 1_000, ...fields };
}

/** A reply of a shard, as bytes. */
function packed(value: unknown): BusReply {
  return { data: encode(value), contentType: "application/msgpack" };
}

/** The map that {@link A_MAP} defines. */
export const PARSED_MAP: SegmentMap = {
  name: "life",
  mode: "exclusive",
  segments: [{ name: "new" }, { name: "loyal" }],
  window: { bucketMs: 86_400_000, buckets: 30 },
  threshold: { enter: 0.5, minEvidence: 1 },
};

/** The shards know no other map. */
function refuseUnknown(map: string | undefined): void {
  if (map === "life") return;
  throw new EngineError({ code: "UNKNOWN_MAP", message: `no map ${map}`, retryable: false });
}

function written(answer: ScoreAnswer, type: ShardScoreRequest["type"]): Uint8Array {
  return encodeReply(answer, type ?? "application/msgpack");
}

function anAnswer(shard: number, user: string, decision: string): ScoreAnswer {
  return {
    user,
    map: "life",
    known: true,
    segments: [
      { segment: "new", probability: 0.7, similarity: 0.4, resonating: true },
      { segment: "loyal", probability: 0.2, similarity: -0.1, resonating: false },
    ],
    none: 0.1,
    versions: { encoder: "e1", trained: true, profiles: { life: 3 }, segments: 1 },
    ages: { contextMs: 5, profilesMs: { life: 7 } },
    evidence: 4,
    position: { shard, sequence: 9 },
    decision,
  };
}

function aStatus(shard: number): ShardStatus {
  return {
    shard,
    node: "node-1",
    epoch: 1,
    ready: true,
    diskFull: false,
    applied: 0,
    committed: 0,
    lag: 0,
    resident: 1,
    users: 2,
    events: 3,
    duplicates: 0,
    deadLetters: 0,
    withheld: 4,
    withdrawals: 1,
    withheldBy: {
      withheld: { "location.place.not-given": 3, "text.mood.refused": 1 },
      withdrawals: { text: 1 },
    },
    bots: 0,
    erasing: 0,
    lostDecisions: 0,
    versions: { encoder: "e1", trained: true, profiles: {}, segments: 1 },
    warmUps: [],
  };
}

function logDown(): EngineError {
  return new EngineError({ code: "LOG_UNAVAILABLE", message: "the log is down", retryable: true });
}
