import { expect, test } from "vitest";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import type { LatelyRequest } from "../../src/resonance/lately-answer.ts";
import { placeOn } from "../../src/resonance/segment-plane.ts";
import { embedContext } from "../../src/shards/embed-context.ts";
import { ScoreAnswers } from "../../src/shards/score-answers.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { visitorsOnPlane } from "../../src/shards/visitors-on-plane.ts";
import { aShard, aView, fold, MAP, positioned, START_MS, useProfiles } from "./a-shard.ts";

const NOW = { nowMs: START_MS + 60_000, monotonicMs: 1 };
const bytesOf = (values: Float32Array) => new Uint8Array(values.buffer);

/** A shard that is watched, and has profiles. */
function aWatchedShard() {
  const state = aShard();
  const { dim } = state.encoder;
  const center = new Float32Array(dim);
  const axes = new Float32Array(2 * dim);
  axes[0] = 1;
  axes[dim + 1] = 1;
  const plane = { encoder: state.encoder.version, dim, center: bytesOf(center), axes: bytesOf(axes) };
  const answers = new ScoreAnswers(
    state,
    { nowMs: () => NOW.nowMs, monotonicMs: () => 1 },
    new DecisionIds([1, 2], "t"),
  );
  const ask = (more: Partial<LatelyRequest> = {}) =>
    visitorsOnPlane(state, answers, { map: MAP.name, since: 0, limit: 100, plane, ...more }, NOW);
  ask();
  useProfiles(state, [new Float32Array(dim).fill(0.1), new Float32Array(dim).fill(-0.1)]);
  return { state, ask, plane, axes, center };
}

/** Folds as a host does. */
function act(state: ShardState, ...behaviours: Behaviour[]): void {
  const entries = positioned(state, behaviours);
  fold(state, ...behaviours);
  state.lately.note(entries, NOW.monotonicMs);
}

test("who was active is where their embedding is, with the segment that they resonate with the most", () => {
  const { state, ask, axes, center, plane } = aWatchedShard();
  act(state, aView({ user: "ada", item: "hat" }), aView({ user: "bob", item: "bed" }));
  const { users, x, y, segment, probability, atMs } = ask();
  expect(users).toEqual(["ada", "bob"]);
  const context = state.contexts.find("bob");
  if (context === undefined) throw new Error("bob was folded");
  embedContext(state, context);
  const place = new Float32Array(2);
  placeOn({ axes, center, dim: plane.dim }, state.scratch.embedding, place, 0);
  expect([x[1], y[1]]).toEqual([...place]);
  expect(segment.every((k) => k === 0 || k === 1)).toBe(true);
  expect(probability.every((p) => p >= 0.3 && p <= 1)).toBe(true);
  expect(atMs).toEqual([START_MS, START_MS]);
});

test("only those are told who were active since the reply before", () => {
  const { state, ask } = aWatchedShard();
  act(state, aView({ user: "ada" }), aView({ user: "bob" }));
  const { turn } = ask();
  act(state, aView({ user: "ada" }));
  expect(ask({ since: turn }).users).toEqual(["ada"]);
});

test("programs and those of whom nothing is known but their name are not shown", () => {
  const { state, ask } = aWatchedShard();
  act(
    state,
    aView({ user: "robot", automated: true }),
    aView({ user: "ann", type: "identify" }),
    aView({ user: "ada" }),
  );
  expect(ask()).toMatchObject({ users: ["ada"], hidden: ["robot", "ann"] });
});

test("on the plane of another encoder nobody has a place, until there is one of this encoder", () => {
  const { state, ask, plane } = aWatchedShard();
  act(state, aView({ user: "ada" }));
  expect(ask({ plane: { ...plane, encoder: "another" } })).toMatchObject({ turn: 0, users: [] });
  expect(ask()).toMatchObject({ turn: 1, users: ["ada"] });
});
