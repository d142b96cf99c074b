import { Buffer } from "node:buffer";
import { describe, expect, test } from "vitest";
import { decode } from "../../src/kernel/msgpack.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { ScoreAnswer, ScoreAspect } from "../../src/resonance/score-answer.ts";
import type { AnswerType } from "../../src/shards/score-answers.ts";
import { DEFINITIONS, fitted, replayWorld, someBehaviour, untrained } from "./replay-world.ts";

const TYPES: readonly AnswerType[] = ["application/json", "application/msgpack"];
const USERS = ["ada", "bob", "eve", "zoë", "adam"]; // One id is the beginning of another.

type Served = Readonly<{
  user: string;
  aspect: ScoreAspect;
  type: AnswerType;
  bytes: Uint8Array;
  id: string;
}>;

/** Users act, labels come, versions change, entries repeat and fail; now and then somebody is scored. */
async function someLife(seed: number) {
  const random = seededRandom(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const world = await replayWorld();
  const served: Served[] = [];
  let [version, definitions, encoder, order] = [0, 1, untrained, 0];
  const maps = () => DEFINITIONS[definitions] ?? [];
  await world.control({ kind: "segments-activated", version: 1 });
  for (let step = 0; step < 160; step++) {
    const user = () => USERS[pick(USERS.length)] ?? "ada";
    const dice = pick(20);
    let last = 0;
    if (dice < 12) {
      const some = Array.from({ length: 1 + pick(4) }, () => someBehaviour(random, user(), step));
      last = await world.behaviours(some);
      if (pick(4) === 0) last = await world.behaviours(some); // Each of them again.
    } else if (dice < 16) {
      const map = maps()[pick(2)];
      if (map === undefined) throw new Error("there are two maps");
      world.publish(map, ++version, encoder);
      const activation = {
        kind: "profiles-activated",
        map: map.name,
        version,
        encoder: encoder.version,
      } as const;
      last = await world.control(activation);
      if (pick(3) === 0) last = await world.control(activation); // By a second owner.
    } else if (dice === 16) {
      encoder = encoder === untrained ? fitted : encoder; // One way: docs/explain.md tells of the other.
      const profiles: Record<string, number> = {};
      for (const map of maps()) {
        world.publish(map, ++version, encoder);
        profiles[map.name] = version;
      }
      last = await world.control({
        kind: "encoder-activated",
        encoder: encoder.version,
        profiles,
        order: ++order,
      });
    } else if (dice === 17 && step > 80) {
      definitions = 2;
      last = await world.control({ kind: "segments-activated", version: 2 });
    } else if (dice === 18) {
      last = await world.behaviours([
        { ...someBehaviour(random, user(), step), type: "identify", segments: { life: "new" } },
      ]);
    } else last = await world.poison(user());
    if (step % 40 === 39) await world.restart();
    if (step % 3 !== 0) continue;
    const scored = pick(12) === 0 ? "nobody" : user();
    const aspect = pick(2) === 0 ? {} : { map: "wants" };
    const type = TYPES[pick(2)] ?? "application/json";
    const bytes = await world.score(scored, aspect, type, last);
    served.push({ user: scored, aspect, type, bytes, id: read(bytes, type).decision });
  }
  return { world, served };
}

function read(bytes: Uint8Array, type: AnswerType): ScoreAnswer {
  return type === "application/json"
    ? JSON.parse(new TextDecoder().decode(bytes))
    : (decode(bytes) as ScoreAnswer);
}

test.each([1, 2, 3, 4])(
  "every answer of a shard's life is computed again to the last bit, from the log alone (seed %i)",
  async (seed) => {
    const { world, served } = await someLife(seed);
    for (const { user, aspect, type, bytes, id } of served) {
      const { answer } = await world.replay(id, aspect, type);
      const isHeld = read(bytes, type).known;
      // Of somebody of whom nothing was held, the id does not tell the name.
      if (isHeld) expect(Buffer.from(answer).equals(bytes), user).toBe(true);
      else expect(read(answer, type)).toEqual({ ...read(bytes, type), user: "" });
    }
    expect(served.some(({ bytes, type }) => read(bytes, type).versions.trained)).toBe(true);
    await world.stop();
  },
  60_000,
);

describe("behind a log that was trimmed", () => {
  test("the newest snapshot from before the decision is the beginning, also for a user that the log names no more", async () => {
    const { world, served } = await someLife(7);
    await world.restart(); // All is committed.
    const snapshot = await world.snapshot();
    const at = snapshot?.sequence ?? 0;
    const quiet: Served[] = [];
    for (const user of USERS) {
      const bytes = await world.score(user, {}, "application/msgpack", at);
      quiet.push({
        user,
        aspect: {},
        type: "application/msgpack",
        bytes,
        id: read(bytes, "application/msgpack").decision,
      });
    }
    const random = seededRandom(8);
    for (let step = 200; step < 240; step++)
      await world.behaviours([someBehaviour(random, USERS[step % 5] ?? "ada", step)]);
    await world.log.trim(world.options.stream, at, Number.POSITIVE_INFINITY);
    for (const { user, bytes, id } of quiet) {
      const replayed = await world.replay(id, {}, "application/msgpack");
      expect(replayed.user).toBe(user);
      expect(Buffer.from(replayed.answer).equals(bytes), user).toBe(true);
    }
    const early = served.find(({ bytes, type }) => read(bytes, type).known);
    await expect(world.replay(early?.id ?? "", {}, "application/msgpack")).rejects.toMatchObject({
      code: "DECISION_TOO_OLD",
      retryable: false,
    });
    await world.stop();
  }, 60_000);
});

test("profiles that are told again, by a new owner, are as old as they were when they were told first", async () => {
  const world = await replayWorld();
  await world.control({ kind: "segments-activated", version: 1 });
  await world.behaviours([someBehaviour(seededRandom(1), "ada", 1)]);
  const [map] = DEFINITIONS[1]!;
  world.publish(map!, 1, untrained);
  const told = {
    kind: "profiles-activated",
    map: map!.name,
    version: 1,
    encoder: untrained.version,
  } as const;
  await world.control(told);
  const last = await world.control(told); // A minute later.
  const bytes = await world.score("ada", {}, "application/json", last);
  const { answer } = await world.replay(read(bytes, "application/json").decision, {}, "application/json");
  expect(Buffer.from(answer).toString()).toBe(Buffer.from(bytes).toString());
  await world.stop();
});

test("a decision whose profiles are not kept any more is too old", async () => {
  const { world, served } = await someLife(3);
  world.published.clear();
  const last = served.findLast(({ bytes, type }) => read(bytes, type).known);
  await expect(world.replay(last?.id ?? "", {}, "application/json")).rejects.toMatchObject({
    code: "DECISION_TOO_OLD",
    message: expect.stringContaining("profiles v"),
  });
  await world.stop();
}, 60_000);

test("a replay reads no more than it may", async () => {
  const { world, served } = await someLife(4);
  const id = served.at(-1)?.id ?? "";
  await expect(world.replay(id, {}, "application/json", { messagesMax: 10 })).rejects.toMatchObject({
    code: "REPLAY_TOO_LONG",
  });
  await world.stop();
}, 60_000);
