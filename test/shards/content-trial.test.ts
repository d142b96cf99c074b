import { expect, test } from "vitest";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import { assign } from "../../src/experiments/assign.ts";
import type { Experiment } from "../../src/experiments/experiment.ts";
import type { ArmModel } from "../../src/experiments/experiment-release.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import { NO_DEFINITIONS, useDefinitions } from "../../src/shards/shard-state.ts";
import { anExperiment } from "../experiments/an-experiment.ts";
import { choosingIn, useCatalogue, useLikedRates } from "./a-catalogue.ts";
import { aShard, aView, fold, MAP, START_MS, useProfiles } from "./a-shard.ts";

const NOW_MS = START_MS + 3_600_000;
/** Named policies whose choices differ: a member of `loyal` likes b, all together like a. */
const ARMS = [
  { name: "control", weight: 0.5, policy: "popularity" },
  { name: "personal", weight: 0.5, policy: "greedy", floor: 0 },
];

/** A shard with rates, in which these experiments run. */
function aTestingWorld(...experiments: readonly Experiment[]) {
  return aWorldOf(experiments, new Map());
}

/** As {@link aTestingWorld}, with what arms score by. */
function aWorldOf(experiments: readonly Experiment[], models: ReadonlyMap<string, ArmModel>) {
  const state = aShard();
  useCatalogue(state);
  useProfiles(state, []);
  useLikedRates(state, 400, { new: 4, loyal: 1 });
  const running = experiments.map((experiment) => ({ experiment, startedMs: START_MS }));
  state.experiments.use({ records: { version: 1, experiments: running }, models });
  const { contents, exposed } = choosingIn(state, NOW_MS);
  const choose = (user: string): ContentAnswer =>
    decode(contents.choose(user, { placement: "home" }, "application/msgpack")) as ContentAnswer;
  const loyal = (user: string) => {
    fold(state, aView({ user }), aView({ user, type: "identify", segments: { life: "loyal" } }));
    return user;
  };
  return { state, exposed, choose, loyal };
}

/** The first users whom the experiment assigns so. */
function assigned(experiment: Experiment, to: number | "holdout" | "namespace" | "traffic"): string {
  for (let i = 0; ; i++) {
    const got = assign(experiment, `user-${i}`);
    if ((got.kind === "arm" ? got.arm : got.because) === to) return `user-${i}`;
  }
}

test("each arm chooses by its own policy, and the answer names it", () => {
  const experiment = anExperiment({ arms: ARMS });
  const { choose, loyal } = aTestingWorld(experiment);
  const [control, personal] = [0, 1].map((arm) => loyal(assigned(experiment, arm))) as [string, string];
  expect(choose(control)).toMatchObject({
    content: "a",
    arm: "popularity",
    experiment: { name: "home-hero", arm: "control" },
  });
  expect(choose(personal)).toMatchObject({
    content: "b",
    arm: "greedy",
    propensity: 1,
    experiment: { arm: "personal" },
  });
});

test("whoever is served what the other arm would not have served is exposed, in both arms", () => {
  const experiment = anExperiment({ arms: ARMS });
  const { choose, loyal, exposed } = aTestingWorld(experiment);
  const users = [0, 1].map((arm) => loyal(assigned(experiment, arm)));
  const answers = users.map(choose);
  expect(exposed.map(({ user, exposure }) => [user, exposure.arm, exposure.contents])).toEqual([
    [users[0], 0, ["a", "b"]],
    [users[1], 1, ["a", "b"]],
  ]);
  for (const [i, one] of exposed.entries()) {
    expect(one).toMatchObject({ type: "exposure", tsMs: NOW_MS, decision: answers[i]?.decision });
    expect(one.exposure).toMatchObject({ hashKey: users[i], propensity: answers[i]?.propensity });
  }
});

test("nobody is exposed where the arms choose the same", () => {
  const experiment = anExperiment({ arms: ARMS });
  const { choose, state, exposed } = aTestingWorld(experiment);
  const stranger = assigned(experiment, 0); // Like all others, for all that is known: likes a.
  expect(choose(stranger)).toMatchObject({ content: "a", experiment: { arm: "control" } });
  useDefinitions(state, NO_DEFINITIONS);
  expect(choose(assigned(experiment, 1))).toMatchObject({ arm: "popularity", content: "a" });
  expect(exposed).toEqual([]);
});

test("once the exposure is folded it is not told again, and the arm stays, whatever would be assigned", () => {
  const experiment = anExperiment({ arms: ARMS });
  const { choose, loyal, state, exposed } = aTestingWorld(experiment);
  const user = loyal(assigned(experiment, 0));
  choose(user);
  const [one] = exposed;
  fold(state, { ...one!, exposure: { ...one!.exposure, arm: 1 } });
  expect(choose(user)).toMatchObject({ content: "b", experiment: { arm: "personal" } });
  expect(exposed).toHaveLength(1);
});

test("whoever is held out is served as control is; whoever else takes no part, as the placement says", () => {
  const experiment = anExperiment({
    arms: ARMS,
    traffic: 0.5,
    holdout: { name: "2026", share: 0.2 },
    namespace: { name: "home", from: 0, to: 0.5 },
  });
  const { choose, loyal, exposed } = aTestingWorld(experiment);
  const arms = (["holdout", "namespace", "traffic"] as const).map((to) => {
    const answer = choose(loyal(assigned(experiment, to)));
    expect(answer.experiment).toBeUndefined();
    return answer.arm;
  });
  expect(arms).toEqual(["popularity", "mixture", "mixture"]);
  expect(exposed).toEqual([]);
});

test("of two experiments in one namespace a user is in the one whose range they are in", () => {
  const within = (name: string, from: number, to: number) =>
    anExperiment({ name, seed: name, arms: ARMS, namespace: { name: "home", from, to } });
  const [first, second] = [within("first", 0, 0.5), within("second", 0.5, 1)];
  const { choose } = aTestingWorld(first, second);
  expect(choose(assigned(first, 0)).experiment?.name).toBe("first");
  expect(choose(assigned(second, 1)).experiment?.name).toBe("second");
});

test("an arm may trust only what is likely enough", () => {
  const sure = { name: "sure", weight: 0.5, policy: "greedy", floor: 0, minProbability: 0.99 };
  const experiment = anExperiment({ arms: [{ ...ARMS[1]!, name: "control" }, sure] });
  const { choose, state } = aTestingWorld(experiment);
  const users = [0, 1].map((arm) => assigned(experiment, arm));
  for (const user of users) fold(state, aView({ user }));
  // Loyal ones behave as these two do, which makes them likely to be loyal, but not as sure as that.
  const embedding = state.scratch.embedding.slice();
  useProfiles(state, [embedding.map((one) => -one), embedding], 2);
  expect(users.map(choose)).toMatchObject([
    { content: "b", experiment: { arm: "control" } },
    { content: "a", experiment: { arm: "sure" } },
  ]);
});

/** The encoder of a shard under another name, and profiles of it that lie at these embeddings. */
function aModel(centroids: readonly Float32Array[]): ArmModel {
  const { encoder } = aShard();
  const other = Object.create(encoder, { version: { value: "other" } }) as typeof encoder;
  const profiles = {
    map: MAP.name,
    mode: MAP.mode,
    version: 1,
    encoder: "other",
    dim: encoder.dim,
    watermarkMs: START_MS,
    profiles: MAP.segments.map(({ name }, k) => ({ segment: name, members: 10, centroid: centroids[k]! })),
    background: 0,
    calibration: {
      ...defaultCalibration("other", MAP.name, MAP.segments.length),
      depthEnds: [Number.POSITIVE_INFINITY],
      kappa: [20],
    },
    threshold: MAP.threshold,
  };
  return { encoder: other, profiles };
}

test("an arm may score by an encoder and profiles of its own", () => {
  const next = { name: "next", weight: 0.5, policy: "greedy", floor: 0, encoder: "other" };
  const experiment = anExperiment({ arms: [{ ...ARMS[1]!, name: "control" }, next] });
  const users = [0, 1].map((arm) => assigned(experiment, arm));
  const probe = aShard();
  fold(probe, aView({ user: users[0]! }));
  const embedding = probe.scratch.embedding.slice();
  const away = embedding.map((one) => -one);
  // In force, whoever does so is new; by the arm's own profiles they are loyal.
  const { choose, state, exposed } = aWorldOf(
    [experiment],
    new Map([["home-hero", aModel([away, embedding])]]),
  );
  useProfiles(state, [embedding, away]);
  for (const user of users) fold(state, aView({ user }));
  expect(users.map(choose)).toMatchObject([
    { content: "a", segment: "new", experiment: { arm: "control" } },
    { content: "b", segment: "loyal", experiment: { arm: "next" } },
  ]);
  expect(exposed.map(({ exposure }) => exposure.contents)).toEqual([
    ["a", "b"],
    ["a", "b"],
  ]);
});

test("where an arm's encoder is gone, nobody is assigned, and that is counted", () => {
  const next = { name: "next", weight: 0.5, policy: "greedy", encoder: "other" };
  const experiment = anExperiment({ arms: [ARMS[0]!, next] });
  const { choose, state } = aTestingWorld();
  const records = { version: 2, experiments: [{ experiment, startedMs: START_MS }] };
  state.releases.experiments = () => ({ records, models: new Map() });
  fold(state, { kind: "experiments-activated", version: 2 });
  expect(state.counters.missingReleases).toBe(1);
  expect(choose(assigned(experiment, 1)).experiment).toBeUndefined();
});
