import { expect, test } from "vitest";
import { type ExplainReply, explain } from "../src/explain.ts";
import { seededRandom } from "../src/kernel/random.ts";
import type { ScoreAnswer } from "../src/resonance/score-answer.ts";
import { DEFINITIONS, fitted, RING, replayWorld, someBehaviour } from "./shards/replay-world.ts";

const TYPE = "application/json";
const LIMITS = { ringEvents: RING, messagesMax: 100_000, patienceMs: 10_000 };

/** A user with more events than are held, whose context was rebuilt for another encoder. */
async function rebuiltUser() {
  const world = await replayWorld();
  const random = seededRandom(1);
  const acts = Array.from({ length: 2 * RING }, (_, i) => someBehaviour(random, "ada", i));
  await world.control({ kind: "segments-activated", version: 1 });
  await world.behaviours(acts);
  const profiles: Record<string, number> = {};
  for (const map of DEFINITIONS[1] ?? []) {
    world.publish(map, 1, fitted);
    profiles[map.name] = 1;
  }
  const last = await world.control({
    kind: "encoder-activated",
    encoder: fitted.version,
    profiles,
    order: 1,
  });
  const bytes = await world.score("ada", {}, TYPE, last);
  const answer = JSON.parse(new TextDecoder().decode(bytes)) as ScoreAnswer;
  const ask = async (ringEvents: number): Promise<ExplainReply> => {
    const question = { kind: "decision", decision: answer.decision, segments: [], type: TYPE } as const;
    const reply = await explain(world.explainWorld, question, { ...LIMITS, ringEvents });
    return JSON.parse(new TextDecoder().decode(reply)) as ExplainReply;
  };
  return { world, acts, answer, ask };
}

test("a decision is told with the answer that was given and with the log's names of its events", async () => {
  const { world, acts, answer, ask } = await rebuiltUser();
  const told = await ask(RING);
  expect(told.answer).toEqual(answer);
  expect(told.explanation.counts).toEqual({ done: acts.length, held: RING, told: 20 });
  expect(told.explanation.events.map(({ id, item, type }) => ({ id, item, type }))).toEqual(
    acts.slice(-20).map(({ id, item, type }) => ({ id, item, type })),
  );
  await world.stop();
});

test("behind a trimmed log the snapshot is read, and what it takes has a limit", async () => {
  const { world, answer } = await rebuiltUser();
  await world.restart(); // All is committed.
  const at = (await world.snapshot())?.sequence ?? 0;
  const random = seededRandom(2);
  await world.behaviours(Array.from({ length: 9 }, (_, i) => someBehaviour(random, "ada", 90 + i)));
  await world.log.trim(world.options.stream, at, Number.POSITIVE_INFINITY);
  const question = { kind: "decision", decision: answer.decision, segments: [], type: TYPE } as const;
  const reply = await explain(world.explainWorld, question, LIMITS);
  const told = JSON.parse(new TextDecoder().decode(reply)) as ExplainReply;
  expect(told.answer).toEqual(answer);
  expect(told.explanation.events[0]?.id).toBeUndefined(); // The log does not have it any more.
  await expect(explain(world.explainWorld, question, { ...LIMITS, patienceMs: -1 })).rejects.toMatchObject({
    code: "REPLAY_TOO_LONG",
  });
  await world.stop();
});

test("a replay that gives another answer than was served is not told as that answer", async () => {
  const { world, ask } = await rebuiltUser();
  await expect(ask(RING + 12)).rejects.toMatchObject({ code: "REPLAY_DIFFERS", retryable: false });
  await world.stop();
});
