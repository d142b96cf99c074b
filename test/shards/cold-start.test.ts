import { expect, test } from "vitest";
import { untrainedEncoder } from "../../src/embedding/untrained-encoder.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import type { Part } from "../../src/resonance/explanation.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { prepareScorer } from "../../src/resonance/scorer.ts";
import { explainUser } from "../../src/shards/explain-user.ts";
import { ScoreAnswers } from "../../src/shards/score-answers.ts";
import { type ShardState, useDefinitions, useScorers } from "../../src/shards/shard-state.ts";
import { aShard, aView, fold, START_MS } from "./a-shard.ts";
import { DEFINITIONS, somePublished } from "./replay-world.ts";

const KEY = [1, 2] as const;
const TYPE = "application/json";
const PHONE = { device: "phone" };
const MAPS = DEFINITIONS[1]!;

/** A shard whose profiles know what devices tell: of `life` that "new" comes by phone. */
function shardWithContexts(): ShardState {
  const shard = aShard();
  useDefinitions(shard, { version: 1, maps: MAPS });
  useScorers(
    shard,
    MAPS.map((map) => prepareScorer(somePublished(map, 3, untrainedEncoder(FEATURES)))),
  );
  return shard;
}

function answersOf(shard: ShardState) {
  const ids = new DecisionIds(KEY, "shard");
  const answers = new ScoreAnswers(shard, { nowMs: () => START_MS, monotonicMs: () => 0 }, ids);
  const read = (bytes: Uint8Array) => {
    const answer = JSON.parse(new TextDecoder().decode(bytes)) as ScoreAnswer;
    return {
      ...answer,
      kind: ids.read(answer.decision).kind,
      shares: answer.segments.map(({ probability }) => probability),
    };
  };
  return {
    score: (user: string, context?: Record<string, string>, map = "life") =>
      read(answers.score(user, { map }, TYPE, arrivalOf(context))),
    session: (views: Parameters<typeof aView>[0][], context?: Record<string, string>) =>
      read(answers.session(views.map(aView), { map: "life" }, TYPE, { arrival: arrivalOf(context) })),
  };
}

test("somebody of whom nothing is held is told by the context of the request", () => {
  const { score } = answersOf(shardWithContexts());
  const nobody = score("nobody");
  const byPhone = score("nobody", PHONE);
  expect(byPhone.known).toBe(false);
  expect(byPhone.shares[0]).toBeGreaterThan(1.2 * nobody.shares[0]!);
  expect(byPhone.shares.reduce((sum, p) => sum + p, byPhone.none)).toBeCloseTo(1, 9);
  expect(score("nobody").shares).toEqual(nobody.shares);
});

test("an unknown context, or one that tells nothing, leaves the shares as they are", () => {
  const { score } = answersOf(shardWithContexts());
  for (const context of [{ device: "fridge" }, { page: "/" }])
    expect(score("nobody", context)).toMatchObject({ shares: score("nobody").shares, kind: "unknown" });
});

test("who has acted is told by the context of their first act, whatever a request says", () => {
  const shard = shardWithContexts();
  fold(
    shard,
    aView({ user: "ada", context: PHONE }),
    aView({ user: "ada", context: { device: "desk" } }),
    aView({ user: "bob" }),
  );
  const { score } = answersOf(shard);
  expect(score("ada", { device: "desk" }).shares).toEqual(score("ada").shares);
  expect(score("bob", PHONE).shares).toEqual(score("bob").shares);
  const other = shardWithContexts();
  fold(
    other,
    aView({ user: "ada", context: { device: "desk" } }),
    aView({ user: "ada", context: { device: "desk" } }),
  );
  expect(score("ada").shares[0]).toBeGreaterThan(answersOf(other).score("ada").shares[0]!);
});

test("the first act that tells anything counts, not one that says who somebody is", () => {
  const shard = shardWithContexts();
  fold(
    shard,
    aView({ user: "ada", type: "identify", context: { device: "desk" } }),
    aView({ user: "ada" }),
    aView({ user: "ada", context: PHONE }),
  );
  expect(shard.contexts.find("ada")?.arrival).toEqual(arrivalOf(PHONE));
});

test("an answer that a request's context has a part in can't be replayed, and its id says so", () => {
  const shard = shardWithContexts();
  fold(shard, aView({ user: "ada", context: PHONE }), aView({ user: "eve", type: "identify" }));
  const { score } = answersOf(shard);
  expect(score("ada", PHONE).kind).toBe("known");
  expect(score("nobody", PHONE).kind).toBe("session");
  expect(score("nobody").kind).toBe("unknown");
  expect(score("eve").kind).toBe("known");
  expect(score("eve", PHONE)).toMatchObject({ kind: "session", known: true }); // She has done nothing yet.
});

test("a session is told by its first event's context, or else by the request's", () => {
  const { session, score } = answersOf(shardWithContexts());
  const view = { user: "x", id: "event", tsMs: START_MS };
  const byDesk = { ...view, context: { device: "desk" } };
  const bare = session([view]);
  expect(session([view], PHONE).shares[0]).toBeGreaterThan(bare.shares[0]!);
  expect(session([byDesk], PHONE).shares).toEqual(session([byDesk]).shares);
  expect(session([], PHONE).shares).toEqual(score("nobody", PHONE).shares);
});

test.each(["life", "wants"])("an explanation tells the context's part of %s, and parts add up", (map) => {
  const shard = shardWithContexts();
  fold(shard, ...Array.from({ length: 4 }, () => aView({ user: "ada", context: PHONE })));
  const { score } = answersOf(shard);
  const arrival = arrivalOf(PHONE);
  const sum = (parts: readonly Part[]) => parts.reduce((all, { value }) => all + value, 0);
  const segments = MAPS.find(({ name }) => name === map)!.segments.map(({ name }) => name);
  for (const user of ["ada", undefined]) {
    const told = explainUser(
      shard,
      user,
      { map, segments, ...(user === undefined ? { arrival } : {}) },
      START_MS,
    );
    const served = score(user ?? "nobody", PHONE, map).shares;
    for (const one of told.segments) {
      const k = segments.indexOf(one.segment ?? "");
      if (k >= 0) expect(one.probability).toBeCloseTo(served[k]!, 12);
      for (const parts of [one.bySource, one.byEvent]) {
        expect(sum(parts)).toBeCloseTo(one.value, 6);
        expect(parts.filter(({ kind }) => kind === "context")).toHaveLength(1);
      }
    }
  }
  const bare = explainUser(shard, undefined, { map, segments }, START_MS);
  expect(bare.lead.bySource.some(({ kind }) => kind === "context")).toBe(false);
});

test("thresholds are passed by what is served, with the context in it", () => {
  const shard = shardWithContexts();
  fold(shard, aView({ user: "ada", context: PHONE }));
  const { score } = answersOf(shard);
  const { segments } = score("ada");
  const resonating = shard.contexts.find("ada")?.resonating.get("life") ?? new Set();
  for (const { segment, probability } of segments) expect(resonating.has(segment)).toBe(probability >= 0.5);
});
