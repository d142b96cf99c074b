import type { BusReply } from "../../src/actors/bus.ts";
import type { Append, Log } from "../../src/actors/log.ts";
import { deploymentKeys } from "../../src/adapters/deployment-keys.ts";
import { entropyBytes } from "../../src/adapters/entropy.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { sealedSessionTokens } from "../../src/adapters/session-tokens.ts";
import { encodeReply } from "../../src/events/decode-request.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import type { Intake } from "../../src/gateway/intake.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import { decodeProfiles } from "../../src/profiles/profiles-codec.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import { embedContext } from "../../src/shards/embed-context.ts";
import { foldBatch } from "../../src/shards/fold-batch.ts";
import { emptyOutcome } from "../../src/shards/outcome.ts";
import { serveShard } from "../../src/shards/serve-shard.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aShard, aView, fold, MAP, START_MS, useProfiles } from "../shards/a-shard.ts";

/** The time of all of it: shortly after the recorded messages. */
export const FUZZ_NOW_MS = START_MS + 86_400_000;
const SHARDS = 2;
/** Events that shards keep until they begin anew: the engine would write them to its store, and forget them. */
const EVENTS_HELD = 4_000;
const KEY = [1, 2] as const;

/** A gateway over memory, and shards that fold at once what it lets through. */
export type FuzzWorld = Readonly<{
  send(endpoint: string, data: Uint8Array, contentType: string): Promise<BusReply>;
  /** Where interfaces that speak other words hand in events. */
  intake(name: string): Intake;
  /** What the shards could not fold, which a node would set aside as dead letters. */
  deadLetters: unknown[];
  /** Events folded. */
  folded(): number;
  /** Names that counts are kept under: they must not grow with what is sent. */
  counted(): number;
  /** A session's token, as this deployment gives it. */
  token(): Promise<string>;
  /** Lets shards begin anew. */
  rest(): Promise<void>;
}>;

/** A world of its own, with {@link MAP} defined. */
export async function fuzzWorld(): Promise<FuzzWorld> {
  const subjects = subjectsOf("fuzz");
  const clock = { nowMs: () => FUZZ_NOW_MS, monotonicMs: () => performance.now() };
  const bus = memoryBus();
  const releases = memoryBlobStore();
  const sequences = new Map<string, number>();
  const deadLetters: unknown[] = [];
  let folded = 0;
  let shards: Readonly<{ state: ShardState; close(): Promise<void> }>[] = [];

  const log: Log = {
    async ensure() {},
    async append(stream: string, messages: readonly Append[]) {
      const at = sequences.get(stream) ?? 0;
      sequences.set(stream, at + messages.length);
      const shard = shards[Number(/_LOG_(\d+)$/.exec(stream)?.[1])];
      if (shard !== undefined) for (const { data } of messages) foldMessage(shard.state, data);
      return messages.map((_, i) => at + 1 + i);
    },
    async read() {
      throw new Error("nobody reads here");
    },
    async trim() {
      return 1;
    },
    async redact() {},
    messagesAt: async () => [],
    bounds: async (stream) => ({ first: 1, last: sequences.get(stream) ?? 0 }),
    last: async (stream) => sequences.get(stream) ?? 0,
    async *range() {},
  };

  const foldMessage = (state: ShardState, data: Uint8Array): void => {
    const sequence = state.applied + 1;
    const positioned = decodeEntries(data).map((entry, place) => ({
      sequence,
      place,
      loggedAtMs: FUZZ_NOW_MS,
      entry,
    }));
    const behaviours = positioned.filter(({ entry }) => entry.kind === "behaviour"); // Controls need releases.
    try {
      foldBatch(state, behaviours, emptyOutcome());
    } catch (thrown) {
      deadLetters.push(thrown);
    }
    state.applied = sequence;
    folded += behaviours.length;
  };

  const begin = async (): Promise<void> => {
    for (const shard of shards) await shard.close();
    shards = [];
    for (let shard = 0; shard < SHARDS; shard++) {
      const state = warmShard();
      const host = {
        node: "fuzz",
        shards: SHARDS,
        lag: () => 0,
        reaches: async () => false,
        lease: () => ({ epoch: 1, session: 1, isHeld: () => true }),
        isDiskFull: () => false,
        committed: () => 0,
        settle: async () => {},
      };
      const ports = {
        ...{ bus, log, clock, subjects, store: memoryContextStore(), sleep: async () => {} },
        ...{ newId: () => `shard-${shard}`, decisionKey: KEY },
      };
      const close = await serveShard(ports, Object.assign(state, { shard }), host);
      shards.push({ state, close });
    }
  };
  await begin();

  const tokens = await sealedSessionTokens({
    keys: async () => (await deploymentKeys(releases, entropyBytes)).rotating("session-tokens"),
    random: entropyBytes,
    clock,
  });
  const gateway = createGateway(
    {
      ...{ bus, log, releases, clock, subjects, decodeProfiles, tokens },
      decisions: new DecisionIds(KEY, "gateway"),
      newId: () => "gateway",
      cellKey: new Uint8Array(32),
      hashUser: userHasher(new Uint8Array(32)),
      explain: async ({ type }) => encodeReply({ explained: true }, type),
      exportPage: async () => ({ lines: [] }),
      memoryBytes: () => 0,
      sleep: async () => {},
      cluster: () => ({ nodes: [], units: [] }),
      ownerOf: () => undefined,
      copiesOf: () => [],
      readiness: () => ({ ready: true, reasons: [] }),
    },
    { shards: SHARDS, node: "fuzz" },
  );
  const makeRoom = async (): Promise<void> => {
    if (folded <= EVENTS_HELD) return;
    folded = 0;
    await begin();
  };
  const send = async (endpoint: string, data: Uint8Array, contentType: string): Promise<BusReply> => {
    await makeRoom();
    const handler = gateway.handlers[endpoint];
    const reply = await handler?.({ subject: subjects.api(endpoint), data, contentType });
    if (reply === undefined) throw new Error("the answer went elsewhere, though nobody waits there");
    return reply;
  };
  const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  await send("segments.put", json({ maps: [{ name: MAP.name, segments: MAP.segments }] }), "");
  return {
    send,
    intake(name) {
      const intake = gateway.intake(name);
      return {
        ...intake,
        async take(...given) {
          await makeRoom();
          return intake.take(...given);
        },
      };
    },
    deadLetters,
    async rest() {
      folded = 0;
      await begin();
    },
    folded: () => folded,
    counted() {
      const { requests, errors, refused, dropped } = gateway.counters;
      return [requests, errors, refused, dropped].reduce(
        (sum, counts) => sum + Object.keys(counts).length,
        0,
      );
    },
    async token() {
      const body = json({ events: [{ id: "e1", user: "ada", type: "view", ts: START_MS, item: "shoe" }] });
      const { data } = await send("score.session", body, "");
      return (JSON.parse(new TextDecoder().decode(data)) as { token: string }).token;
    },
  };
}

/** A shard whose profiles lie where two of its users are. */
function warmShard(): ShardState {
  const state = aShard({ ringEvents: 64 });
  const embeddingOf = (user: string, item: string): Float32Array => {
    fold(state, aView({ user, item }), aView({ user, item, type: "purchase" }));
    const context = state.contexts.find(user);
    if (context === undefined) throw new Error("the user was not folded");
    embedContext(state, context);
    return state.scratch.embedding.slice();
  };
  useProfiles(state, [embeddingOf("eve", "shoe"), embeddingOf("bob", "book")]);
  return state;
}
