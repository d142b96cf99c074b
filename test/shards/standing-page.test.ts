import { expect, test } from "vitest";
import { decode } from "../../src/kernel/msgpack.ts";
import { leaveThreshold } from "../../src/resonance/hysteresis.ts";
import { gridThreshold } from "../../src/resonance/precision-curve.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { ScoreAnswers } from "../../src/shards/score-answers.ts";
import { standingPage } from "../../src/shards/standing-page.ts";
import { aShard, aView, fold, MAP, START_MS, useProfiles } from "./a-shard.ts";

const HOUR_MS = 3_600_000;
const ASK = { map: MAP.name, segment: "new", activeMs: HOUR_MS, from: 0, step: 1, limit: 100 };
const NOW_MS = START_MS + 2 * HOUR_MS;

/** Three visitors, of whom one was last seen more than an hour before the others, and profiles that they are scored by. */
function aShardOfThree() {
  const shard = aShard();
  const { dim } = shard.encoder;
  fold(shard, aView({ user: "old", item: "old", tsMs: START_MS }));
  useProfiles(shard, [new Float32Array(dim).fill(0.1), new Float32Array(dim).fill(-0.1)]);
  for (const user of ["ann", "ben"]) fold(shard, aView({ user, item: user, tsMs: NOW_MS }));
  return shard;
}

test("those are counted who did something lately, by the time of the shard's events", () => {
  const shard = aShardOfThree();
  const { users, moves, resident, segments } = standingPage(shard, ASK, NOW_MS);
  expect({ users, resident, segments }).toEqual({ users: 2, resident: 3, segments: ["new", "loyal"] });
  expect(moves.users).toBe(2);
  expect(standingPage(shard, { ...ASK, activeMs: 3 * HOUR_MS }, NOW_MS).users).toBe(3);
});

test("who resonates is told for every segment, and who would at a threshold by what they are scored", () => {
  const shard = aShardOfThree();
  const { resonating, moves } = standingPage(shard, ASK, NOW_MS);
  const users = ["ann", "ben"];
  const now = users.map((user) => shard.contexts.find(user)?.resonating.get(MAP.name));
  expect(resonating).toEqual(
    MAP.segments.map(({ name }) => now.filter((segments) => segments?.has(name)).length),
  );
  expect(moves.resonating).toBe(resonating[0]);
  expect(resonating[0]).toBe(1);
  const answers = new ScoreAnswers(shard, { nowMs: () => NOW_MS, monotonicMs: () => 0 }, { next: () => "" });
  const probabilities = users.map((user) => {
    const answer = decode(answers.score(user, {}, "application/msgpack")) as ScoreAnswer;
    return answer.segments[0]?.probability ?? 0;
  });
  const isOn = (i: number) => now[i]?.has("new") === true;
  for (const at of [0, 49, 98]) {
    const enter = gridThreshold(at);
    expect(moves.entering[at]).toBe(probabilities.filter((p, i) => !isOn(i) && p >= enter).length);
    expect(moves.leaving[at]).toBe(
      probabilities.filter((p, i) => isOn(i) && p < leaveThreshold(enter)).length,
    );
  }
});

test("programs, and those who may not be known, are nobody's visitors", () => {
  const shard = aShardOfThree();
  fold(shard, aView({ user: "bot", tsMs: NOW_MS, automated: true }));
  fold(
    shard,
    aView({ user: "carl", tsMs: NOW_MS }),
    aView({ user: "carl", tsMs: NOW_MS, type: "consent", consent: { personalisation: false } }),
  );
  expect(standingPage(shard, ASK, NOW_MS).users).toBe(2);
});

test("pages of every so many-th user come to all of these, each once", () => {
  const shard = aShardOfThree();
  const all = { ...ASK, activeMs: 3 * HOUR_MS };
  const first = standingPage(shard, { ...all, limit: 2 }, NOW_MS);
  expect(first).toMatchObject({ users: 2, next: 2 });
  const second = standingPage(shard, { ...all, limit: 2, from: 2 }, NOW_MS);
  expect(second.users).toBe(1);
  expect(second.next).toBeUndefined();
});

test("a map that is not in force here may be in a moment", () => {
  const shard = aShardOfThree();
  expect(() => standingPage(shard, { ...ASK, map: "other" }, NOW_MS)).toThrow("no such map is in force");
});
