import { expect, test } from "vitest";
import type { Bus, BusReply } from "../../src/actors/bus.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import type { ContentAnswer, LoggedDecision, ShardContentRequest } from "../../src/content/content-answer.ts";
import { encodeReply } from "../../src/events/decode-request.ts";
import { endpointAt } from "../../src/events/endpoint-at.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { fromWireError } from "../../src/kernel/engine-error.ts";
import { shardOf } from "../../src/kernel/hash.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import type { ColumnsReply } from "../../src/resonance/join-columns.ts";
import type {
  ScoreAnswer,
  ShardColumns,
  ShardScoreReply,
  ShardScoreRequest,
} from "../../src/resonance/score-answer.ts";
import { embedContext } from "../../src/shards/embed-context.ts";
import { serveCopy, serveShard } from "../../src/shards/serve-shard.ts";
import { NO_DEFINITIONS, useDefinitions } from "../../src/shards/shard-state.ts";
import { useCatalogue } from "./a-catalogue.ts";
import { aShard, aView, fold, START_MS, useProfiles } from "./a-shard.ts";

const SHARDS = 16;
const TYPES = ["application/json", "application/msgpack"] as const;

/** A user of the shard under test, which is number 7. */
const ADA = userOf(7, "ada");
const BOB = userOf(7, "bob");

/** What the owner of a shard answers about scores, over any {@link Bus}. */
export function serveScoresContract(bus: () => Bus): void {
  let deployments = 0;

  const aWorld = async () => {
    const subjects = subjectsOf(`scores${++deployments}`);
    const state = aShard();
    fold(state, aView({ user: ADA }), aView({ user: ADA, item: "hat" }), aView({ user: BOB, item: "bed" }));
    const [ada, bob] = [ADA, BOB].map((user) => {
      const context = state.contexts.find(user);
      if (context === undefined) throw new Error(`${user} was not folded`);
      embedContext(state, context);
      return state.scratch.embedding.slice();
    });
    useProfiles(state, [ada ?? new Float32Array(), bob ?? new Float32Array()]);
    fold(state, aView({ user: ADA })); // Now she resonates.
    let isHeld = true;
    const clock = { nowMs: () => START_MS + 60_000, monotonicMs: () => 0 };
    const log = new MemoryLog(clock);
    await log.ensure(subjects.decisions);
    const ports = {
      bus: bus(),
      log,
      clock,
      subjects,
      store: memoryContextStore(),
      sleep: async () => {},
      newId: () => `served-${deployments}`,
      decisionKey: [1, 2] as const,
    };
    const host = {
      node: "a",
      shards: SHARDS,
      lag: () => 0,
      reaches: async () => false,
      lease: () => ({ epoch: 3, session: 1, isHeld: () => isHeld }),
      isDiskFull: () => false,
      committed: () => 0,
      settle: async () => {},
    };
    const close = [await serveShard(ports, state, host), await serveCopy(ports, state, host)];
    const ask = (subject: string, data: Uint8Array, contentType = "") =>
      bus().request(subject, data, { timeoutMs: 2_000, contentType });
    return {
      state,
      /** What the stream of decisions holds. */
      async decided(): Promise<readonly LoggedDecision[]> {
        const reader = await log.read(subjects.decisions, 1);
        const messages = await reader.next(9);
        await reader.close();
        return messages.flatMap(({ data }) => decode(data) as LoggedDecision[]);
      },
      /** Asks for contents as gateways do. */
      async choose(request: ShardContentRequest, endpoint = "content"): Promise<readonly ContentAnswer[]> {
        const reply = await ask(subjects.shard(7, endpoint), encode(request));
        if (reply.error !== undefined) throw fromWireError(reply.error);
        const { answers } = decode(reply.data) as ShardScoreReply;
        const contentType = request.type ?? TYPES[1];
        return answers.map((data) => read({ data, contentType }) as unknown as ContentAnswer);
      },
      loseLease: () => {
        isHeld = false;
      },
      close: async () => {
        for (const one of close) await one();
      },
      /** Asks the subject for services. */
      direct: (body: unknown, type: (typeof TYPES)[number] | "" = "", endpoint = "score") =>
        ask(subjects.api(`${endpoint}.shard.7`), encodeReply(body, type === "" ? TYPES[0] : type), type),
      /** Asks the subject for gateways. */
      async internal(request: ShardScoreRequest, endpoint = "score"): Promise<ShardScoreReply> {
        const reply = await ask(subjects.shard(7, endpoint), encode(request));
        if (reply.error !== undefined) throw fromWireError(reply.error);
        return decode(reply.data) as ShardScoreReply;
      },
    };
  };

  test.each(TYPES)(
    "a service asks a shard itself, as %s, and is told what a gateway is told",
    async (type) => {
      const world = await aWorld();
      const told = read(await world.direct({ user: ADA, map: "life" }, type));
      const { answers, epoch } = await world.internal({ users: [ADA], map: "life", type });
      expect(epoch).toBe(3);
      expect({ ...told, decision: "" }).toEqual({
        ...read({ data: answers[0], contentType: type }),
        decision: "",
      });
      expect(told).toMatchObject({
        user: ADA,
        map: "life",
        known: true,
        segments: [
          { segment: "new", resonating: true },
          { segment: "loyal", resonating: false },
        ],
        position: { shard: 7, sequence: 4 },
        versions: { profiles: { life: 1 }, segments: 1 },
      });
      const sum = told.segments.reduce((total, { probability }) => total + probability, told.none);
      expect(sum).toBeCloseTo(1, 9);
      await world.close();
    },
  );

  test("every answer has an id of its own, and JSON needs no header", async () => {
    const world = await aWorld();
    const replies = [await world.direct({ user: ADA }), await world.direct({ user: ADA })];
    const [one, other] = replies.map((reply) => read({ ...reply, contentType: "application/json" }));
    expect(one?.decision).not.toBe(other?.decision);
    await world.close();
  });

  test("somebody of whom nothing is held gets the prior", async () => {
    const world = await aWorld();
    const told = read(await world.direct({ user: userOf(7, "nobody") }, TYPES[1]));
    expect(told).toMatchObject({ known: false, evidence: 0, ages: { contextMs: null } });
    await world.close();
  });

  test("the strongest segments are enough for whoever says so", async () => {
    const world = await aWorld();
    const told = read(await world.direct({ user: BOB, top: 1 }, TYPES[1]));
    expect(told.segments.map(({ segment }) => segment)).toEqual(["loyal"]);
    await world.close();
  });

  test("a user of another shard is refused with a code that says so", async () => {
    const world = await aWorld();
    const { error } = await world.direct({ user: userOf(8, "eve") }, TYPES[1]);
    expect(error).toMatchObject({
      code: "WRONG_SHARD",
      retryable: false,
      detail: { shard: 7, shards: SHARDS },
    });
    await world.close();
  });

  test("without the lease nothing is answered, nor sent to whoever asked the gateway", async () => {
    const world = await aWorld();
    const heard = await anInbox(bus());
    world.loseLease();
    for (const type of TYPES)
      expect((await world.direct({ user: ADA }, type)).error).toMatchObject({
        code: "NOT_OWNER",
        retryable: true,
      });
    const asked = world.internal({ users: [ADA], askers: [heard.replyTo] });
    await expect(asked).rejects.toMatchObject({ code: "NOT_OWNER", retryable: true });
    await heard.answerMyself();
    expect(await heard.first).toBe("by myself");
    await world.close();
  });

  test.each([
    { body: { user: ADA, map: "none" }, code: "UNKNOWN_MAP" },
    { body: { user: ADA, mpa: "life" }, code: "UNKNOWN_FIELD" },
    { body: {}, code: "MISSING_FIELD" },
    { body: { user: ADA, top: 0 }, code: "WRONG_TYPE" },
    { body: { user: ADA, atLeast: { shard: 7, sequence: 99 } }, code: "NOT_CAUGHT_UP" },
  ])("a request like $body is refused as $code, in the type of the request", async ({ body, code }) => {
    const world = await aWorld();
    for (const type of TYPES) {
      const reply = await world.direct(body, type);
      expect(reply.error?.code).toBe(code);
      expect(reply.contentType).toBe(type);
    }
    await world.close();
  });

  test("without any map there is nothing to score", async () => {
    const world = await aWorld();
    useDefinitions(world.state, NO_DEFINITIONS);
    expect((await world.direct({ user: ADA })).error?.code).toBe("NO_SEGMENTS");
    await world.close();
  });

  test.each(TYPES)("many users of a shard are told at once, as %s, each as one would be", async (type) => {
    const world = await aWorld();
    const users = [BOB, ADA, BOB];
    const batch = await world.direct({ users, top: 2 }, type, "score.batch");
    const { answers } = read(batch) as unknown as { answers: ScoreAnswer[] };
    expect(answers.map(({ user }) => user)).toEqual(users);
    for (const answer of answers) {
      const told = read(await world.direct({ user: answer.user, top: 2 }, type));
      expect({ ...answer, decision: "" }).toEqual({ ...told, decision: "" });
    }
    const foreign = await world.direct({ users: [ADA, userOf(8, "eve")] }, type, "score.batch");
    expect(foreign.error).toMatchObject({ code: "WRONG_SHARD" });
    await world.close();
  });

  test("columns of one shard have the form that a gateway's have", async () => {
    const world = await aWorld();
    const asked = { users: [BOB, ADA], format: "columns" };
    const bytes = read(
      await world.direct(asked, TYPES[1], "score.batch"),
    ) as unknown as ColumnsReply<Uint8Array>;
    const lists = read(await world.direct(asked, "", "score.batch")) as unknown as ColumnsReply<number[]>;
    expect({ ...bytes, map: "", decision: "" }).toMatchObject({ segments: ["new", "loyal"], users: 2 });
    expect(bytes.shards).toMatchObject([{ shard: 7, sequence: 4 }]);
    expect(lists.known).toEqual([true, true]);
    for (const [i, value] of floats(bytes.probabilities).entries())
      expect(lists.probabilities[i]).toBeCloseTo(value, 7);
    expect(bytes.decision).not.toBe(lists.decision);
    await world.close();
  });

  test("what is put in force changes the next answer", async () => {
    const world = await aWorld();
    const before = read(await world.direct({ user: ADA }, TYPES[1]));
    useProfiles(world.state, [], 1);
    const after = read(await world.direct({ user: ADA }, TYPES[1]));
    expect(after.segments[0]?.similarity).not.toBe(before.segments[0]?.similarity);
    const [map] = world.state.definitions.maps;
    if (map === undefined) throw new Error("there is no map");
    useDefinitions(world.state, {
      version: 2,
      maps: [{ ...map, segments: [...map.segments, { name: "third" }] }],
    });
    const last = read(await world.direct({ user: ADA }));
    expect(last).toMatchObject({ versions: { segments: 2 }, segments: [{}, {}, { segment: "third" }] });
    await world.close();
  });

  test("answers go straight to those who wait for them, the others come back", async () => {
    const world = await aWorld();
    const heard = await anInbox(bus());
    const { answers } = await world.internal({ users: [ADA, BOB], askers: ["", heard.replyTo] });
    expect(answers.map((data) => read({ data, contentType: TYPES[1] }).user)).toEqual([ADA]);
    expect(await heard.first).toBe(BOB);
    await world.close();
  });

  test("columns hold what single answers tell, to a float32", async () => {
    const world = await aWorld();
    const users = [BOB, userOf(7, "nobody"), ADA];
    const single = await world.internal({ users });
    const { answers } = await world.internal({ users, columns: ["similarities", "resonating"] });
    const columns = decode(answers[0] ?? new Uint8Array()) as ShardColumns;
    expect(columns.segments).toEqual(["new", "loyal"]);
    expect(columns.position).toEqual({ shard: 7, sequence: 4 });
    for (const [row, data] of single.answers.entries()) {
      const told = read({ data, contentType: TYPES[1] });
      expect(columns.known[row]).toBe(told.known ? 1 : 0);
      expect(floats(columns.evidence)[row]).toBe(Math.fround(told.evidence));
      expect(floats(columns.none)[row]).toBe(Math.fround(told.none));
      for (const [k, segment] of told.segments.entries()) {
        const at = row * told.segments.length + k;
        expect(floats(columns.probabilities)[at]).toBe(Math.fround(segment.probability));
        expect(floats(columns.similarities)[at]).toBe(Math.fround(segment.similarity));
        expect(columns.resonating?.[at]).toBe(segment.resonating ? 1 : 0);
      }
    }
    expect(
      decode((await world.internal({ users, columns: [] })).answers[0] ?? new Uint8Array()),
    ).not.toHaveProperty("similarities");
    await world.close();
  });

  test.each(TYPES)("contents are chosen for users, as %s, by the owner and by a copy", async (type) => {
    const world = await aWorld();
    useCatalogue(world.state);
    const users = [ADA, userOf(7, "nobody")];
    const [known, unknown] = await world.choose({ users, placement: "home", type });
    expect(known).toMatchObject({ user: ADA, placement: "home", basis: "resonance", segment: "new" });
    expect(unknown).toMatchObject({ basis: "prior", ages: { contextMs: null } });
    for (const answer of [known, unknown]) {
      expect(["a", "b", "c"]).toContain(answer?.content);
      expect(answer).toMatchObject({
        arm: "mixture",
        versions: { content: 1, rates: 0, profiles: 1 },
        position: { shard: 7, sequence: 4 },
      });
    }
    world.loseLease();
    await expect(world.choose({ users, placement: "home", type })).rejects.toMatchObject({
      code: "NOT_OWNER",
    });
    const copied = await world.choose({ users, placement: "home", type }, endpointAt("copy-content", "a"));
    expect(copied.map(({ basis }) => basis)).toEqual(["resonance", "prior"]);
    await world.close();
  });

  test("a chosen content goes straight to whoever waits for it, and what was decided is taken down", async () => {
    const world = await aWorld();
    useCatalogue(world.state);
    const heard = await anInbox(bus());
    const answers = await world.choose({
      users: [ADA, BOB],
      placement: "home",
      askers: ["", heard.replyTo],
    });
    expect(answers.map(({ user }) => user)).toEqual([ADA]);
    expect(await heard.first).toBe(BOB);
    await world.close();
    const decided = await world.decided();
    expect(decided.map(([, user]) => user)).toEqual([ADA, BOB]);
    const [answer] = answers;
    expect(decided[0]).toEqual([
      ...[answer?.decision, ADA, "home", answer?.content, "mixture", "resonance", answer?.propensity],
      ...[3, START_MS + 60_000],
    ]);
  });

  test.each([
    { catalogue: undefined, code: "NO_CONTENT" },
    { catalogue: "some", code: "UNKNOWN_PLACEMENT" },
  ])("without the placement nothing is chosen: $code", async ({ catalogue, code }) => {
    const world = await aWorld();
    if (catalogue !== undefined) useCatalogue(world.state);
    const asked = world.choose({ users: [ADA], placement: "nowhere" });
    await expect(asked).rejects.toMatchObject({ code, retryable: false });
    await world.close();
  });

  test("a copy answers as the owner does, also without the lease", async () => {
    const world = await aWorld();
    const byOwner = await world.internal({ users: [ADA], type: TYPES[1] });
    world.loseLease();
    const byCopy = await world.internal({ users: [ADA], type: TYPES[1] }, endpointAt("copy-score", "a"));
    expect(byCopy.epoch).toBe(0);
    const [owned, copied] = [byOwner, byCopy].map(({ answers }) =>
      read({ data: answers[0], contentType: TYPES[1] }),
    );
    expect({ ...copied, decision: "" }).toEqual({ ...owned, decision: "" });
    await world.close();
  });
}

function userOf(shard: number, stem: string): string {
  for (let i = 0; ; i++) if (shardOf(`${stem}-${i}`, SHARDS) === shard) return `${stem}-${i}`;
}

function read({
  data,
  contentType,
}: Readonly<{ data: Uint8Array | undefined; contentType: string }>): ScoreAnswer {
  const bytes = data ?? new Uint8Array();
  const isMsgpack = contentType === "application/msgpack";
  return (isMsgpack ? decode(bytes) : JSON.parse(new TextDecoder().decode(bytes))) as ScoreAnswer;
}

function floats(bytes: Uint8Array = new Uint8Array()): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}

/** A request under way, whose answer anybody may give. `first` tells whose came first. */
async function anInbox(bus: Bus) {
  const { promise, resolve } = Promise.withResolvers<string>();
  const subject = `inbox-test.${Math.trunc(performance.now() * 1_000)}`;
  const server = await bus.serve(subject, ({ replyTo = "" }) => {
    resolve(replyTo);
    return undefined;
  });
  const answered: Promise<BusReply> = bus.request(subject, new Uint8Array(), { timeoutMs: 5_000 });
  const replyTo = await promise;
  const first = answered.then(async (reply) => {
    await server.close();
    return reply.contentType === "" || reply.contentType === TYPES[0]
      ? new TextDecoder().decode(reply.data)
      : read(reply).user;
  });
  return {
    replyTo,
    first,
    answerMyself: async () =>
      bus.answer(replyTo, { data: new TextEncoder().encode("by myself"), contentType: "" }),
  };
}
