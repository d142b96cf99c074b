import fc from "fast-check";
import { expect, test } from "vitest";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { CARRIED_BYTES_MAX, CarriedSession } from "../../src/shards/carried-session.ts";
import { encodeContext } from "../../src/shards/context-codec.ts";
import { ScoreAnswers } from "../../src/shards/score-answers.ts";
import { type ShardState, useEncoder } from "../../src/shards/shard-state.ts";
import { aShard, aView, fold, START_MS, useProfiles } from "./a-shard.ts";

const JSON_TYPE = "application/json";

/** A shard with profiles that two of its users made. */
function world() {
  const shard = aShard({ ringEvents: 64 });
  const embeddingOf = (user: string, item: string): Float32Array => {
    const acts = ["view", "purchase", "view"].map((type) => aView({ user, item, type }));
    fold(shard, ...acts);
    return shard.scratch.embedding.slice();
  };
  useProfiles(shard, [embeddingOf("eve", "shoe"), embeddingOf("bob", "book")]);
  const clock = { nowMs: () => START_MS + 3_600_000, monotonicMs: () => 0 };
  const answers = new ScoreAnswers(shard, clock, new DecisionIds([1, 2], "shard"));
  const told = (bytes: Uint8Array) => {
    const { known, decision, position, ...answer } = JSON.parse(
      new TextDecoder().decode(bytes),
    ) as ScoreAnswer;
    return answer;
  };
  return {
    shard,
    stored: (user: string) => told(answers.score(user, {}, JSON_TYPE)),
    /** Asks about a visitor; the result is what the caller sees, and carries. */
    session(behaviours: readonly Behaviour[], carried?: Uint8Array) {
      let state = new Uint8Array();
      let part = "";
      const bytes = answers.session(behaviours, {}, JSON_TYPE, { carried }, (session) => {
        part = session.part;
        state = session.carried() as Uint8Array<ArrayBuffer>;
      });
      return { answer: told(bytes), part, state };
    },
  };
}

/** Acts of one visitor, with repeated ids, late ones, consents withdrawn, and what is no act. */
const someActs: fc.Arbitrary<Behaviour[]> = fc
  .array(
    fc.record({
      id: fc.integer({ min: 0, max: 60 }).map(String),
      type: fc.constantFrom("view", "click", "search", "purchase", "consent", "identify", "message"),
      item: fc.constantFrom("shoe", "book", "hat"),
      tsMs: fc.integer({ min: 0, max: 3_000_000 }).map((ms) => START_MS + ms),
      value: fc.constantFrom(undefined, 5, 80),
      peer: fc.constantFrom(undefined, "friend"),
      cell: fc.constantFrom(undefined, "u281"),
      sentiment: fc.constantFrom(undefined, -0.5, 1),
      consent: fc.constantFrom<Behaviour["consent"]>(
        ...[undefined, undefined, { social: false }, { location: false, text: true }],
        ...[{ personalisation: false }, { personalisation: true }],
      ),
      context: fc.constantFrom(undefined, { device: "phone" }),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((acts) => acts.map((act) => withoutUndefined({ kind: "behaviour", user: "ada", ...act })));

function withoutUndefined(act: Readonly<Record<string, unknown>>): Behaviour {
  return Object.fromEntries(Object.entries(act).filter(([, value]) => value !== undefined)) as Behaviour;
}

test("wherever a session is cut into requests, it is told as a stored user with the same events is", () => {
  const holds = (acts: Behaviour[], cuts: number[]): void => {
    const { shard, session, stored } = world();
    const places = [...new Set([0, ...cuts.map((cut) => cut % acts.length), acts.length])].sort(
      (a, b) => a - b,
    );
    let carried: Uint8Array | undefined;
    for (let i = 0; i + 1 < places.length; i++) {
      const some = acts.slice(places[i], places[i + 1]);
      const next = session(some, carried);
      carried = next.state;
      fold(shard, ...some);
      expect(next.part).toBe(i === 0 ? "nothing" : "all");
      expect(next.answer).toEqual(stored("ada"));
    }
  };
  fc.assert(fc.property(someActs, fc.array(fc.nat(), { maxLength: 8 }), holds), { numRuns: 300 });
});

test("nothing of a session is kept, and a stored user of the same name has no part in it", () => {
  const { shard, session } = world();
  const act = aView({ user: "zoe" });
  const alone = session([act]);
  fold(shard, aView({ user: "zoe", item: "book" }));
  const before = shard.contexts.size;
  const beside = session([act]);
  expect(beside.answer.segments).toEqual(alone.answer.segments);
  expect(shard.contexts.size).toBe(before);
  expect([...shard.contexts.values()].map(({ user, events }) => [user, events])).toContainEqual(["zoe", 1]);
});

test("a session without events goes on, and takes the name of who acts first in it", () => {
  const { session } = world();
  const empty = session([]);
  const begun = session([aView({ user: "kim" })], empty.state);
  expect(begun).toMatchObject({ part: "all", answer: { user: "kim" } });
  expect(session([], begun.state)).toMatchObject({ part: "all", answer: begun.answer });
});

test("events of another user than the token's are refused, and named by their place", () => {
  const { session } = world();
  const { state } = session([aView({ user: "ada" })]);
  expect(() => session([aView({ user: "ada" }), aView({ user: "bob" })], state)).toThrow(
    expect.objectContaining({ code: "BAD_TOKEN", message: expect.stringContaining("events[1]") }),
  );
});

/** Puts an encoder in force that embeds otherwise: it reads twice what an event weighs. */
function switchEncoder(shard: ShardState): void {
  const untrained = untrainedEncoder(FEATURES);
  const fold = (slab: Float64Array, at: number, event: Parameters<typeof untrained.fold>[2]): void => {
    untrained.fold(slab, at, event);
    untrained.fold(slab, at, event);
  };
  const changed = Object.create(untrained, { version: { value: "other" }, fold: { value: fold } });
  const centroids = [aCentroid(shard.encoder.dim, 1), aCentroid(shard.encoder.dim, 2)];
  useEncoder(shard, changed);
  useProfiles(shard, centroids);
}

function aCentroid(dim: number, place: number): Float32Array {
  return Float32Array.from({ length: dim }, (_, i) => (i === place ? 1 : 0.1));
}

test("under another encoder a session is made anew from its events, as a stored user is", () => {
  const { shard, session, stored } = world();
  const acts = Array.from({ length: 40 }, (_, i) => aView({ item: i % 3 === 0 ? "shoe" : "book" }));
  const { state } = session(acts);
  fold(shard, ...acts);
  const before = stored("ada");
  switchEncoder(shard);
  const after = session([aView({ id: acts[0]?.id ?? "" })], state); // A repeat: it changes nothing.
  expect(after.part).toBe("all");
  expect(after.answer).toEqual(stored("ada"));
  expect(after.answer.segments).not.toEqual(before.segments);
});

test("of more events than a token holds the newest count under another encoder, and the reply says so", () => {
  const { shard, session } = world();
  const acts = Array.from({ length: 300 }, () => aView());
  const { state } = session(acts);
  expect(state.length).toBeLessThanOrEqual(CARRIED_BYTES_MAX);
  expect(session([], state).part).toBe("all");
  switchEncoder(shard);
  expect(session([], state).part).toBe("recent");
});

test("what a session carries has a limit, whatever the events are", () => {
  const { session } = world();
  const keywords = Array.from({ length: 32 }, (_, i) => i);
  const categories = keywords.map((n) => `category-${n}`);
  let carried: Uint8Array | undefined;
  for (let request = 0; request < 5; request++) {
    const acts = Array.from({ length: 200 }, () => aView({ keywords, categories, value: 1, peer: "x" }));
    carried = session(acts, carried).state;
    expect(carried.length).toBeLessThanOrEqual(CARRIED_BYTES_MAX);
  }
});

test("an encoder whose state is too large is told about the events each time", () => {
  const shard = aShard();
  const untrained = untrainedEncoder(FEATURES);
  useEncoder(shard, Object.create(untrained, { slots: { value: 20_000 }, version: { value: "large" } }));
  const all = CarriedSession.begin(shard, "ada");
  const acts = Array.from({ length: 20 }, () => aView());
  all.fold(acts);
  const first = CarriedSession.begin(shard, "ada");
  first.fold(acts.slice(0, 11));
  // The encoder's other slots are as full as can be: no zeros to leave out.
  for (let slot = untrained.slots; slot < 20_000; slot++) first.context.slab[slot] = 0.5;
  const carried = first.carried();
  expect(carried.length).toBeLessThanOrEqual(CARRIED_BYTES_MAX);
  const then = CarriedSession.resume(shard, carried, []);
  expect(then.part).toBe("all");
  then.fold(acts.slice(11));
  const [one, other] = [all, then].map(({ context }) => encodeContext(context, new ByteWriter()));
  expect(other).toEqual(one);
});

test("what another build wrote does not count, and the reply says so", () => {
  const { session } = world();
  const { state } = session([aView({ user: "ada" })]);
  const otherSchema = state.slice();
  otherSchema[3]! ^= 1; // Inside the name of the features.
  const otherFormat = state.slice();
  otherFormat[0]! = 9;
  const fresh = session([aView({ user: "ada", id: "x", tsMs: START_MS })]);
  for (const bytes of [otherSchema, otherFormat]) {
    const begun = session([aView({ user: "ada", id: "x", tsMs: START_MS })], bytes);
    expect(begun.part).toBe("outdated");
    expect(begun.answer).toEqual(fresh.answer);
  }
});
