import { expect, test } from "vitest";
import { ExperimentBook } from "../../src/experiments/experiment-book.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { decodeProfiles, encodeProfiles } from "../../src/profiles/profiles-codec.ts";
import { defaultCalibration } from "../../src/resonance/default-calibration.ts";
import type { PublishedProfiles } from "../../src/resonance/published-profiles.ts";
import { gatewayWorld, NOW_MS, SHARDS } from "./gateway-world.ts";

const CATALOGUE = {
  placements: [{ name: "home", map: "life" }],
  items: [
    { id: "a", placements: ["home"] },
    { id: "b", placements: ["home"] },
  ],
};
const HERO = {
  name: "hero",
  placement: "home",
  arms: [{ name: "control", policy: "overall" }, { name: "personal" }],
  primary: { event: "click" },
};

/** A gateway with a placement, and a profile actor that holds these sums. */
async function aTestingGateway() {
  const world = await gatewayWorld();
  await world.define();
  const put = await world.ask("content.put", CATALOGUE);
  expect(put.reply.error).toBeUndefined();
  const book = new ExperimentBook();
  await world.bus.serve(world.subjects.profileActor("tally"), ({ data }) => {
    expect(decode(data)).toEqual({ tally: "experiments" });
    return { data: encode({ version: 0, release: book.encode() }), contentType: "application/msgpack" };
  });
  const refusal = async (endpoint: string, body: unknown) =>
    (await world.ask(`experiments.${endpoint}`, body)).reply.error;
  return { ...world, book, refusal };
}

test("an experiment that is defined is told to every shard's log", async () => {
  const world = await aTestingGateway();
  const { value } = await world.ask("experiments.define", HERO);
  expect(value).toEqual({ version: 1, experiment: "hero", started: NOW_MS, stopped: null });
  for (let shard = 0; shard < SHARDS; shard++)
    expect((await world.entries(shard)).at(-1)).toEqual({ kind: "experiments-activated", version: 1 });
  const stored = await world.releases.get("experiments.1");
  expect(JSON.parse(new TextDecoder().decode(stored))).toMatchObject({
    version: 1,
    experiments: [{ startedMs: NOW_MS, experiment: { name: "hero", plannedUnits: 5_000 } }],
  });
});

test("the same definition again keeps its version, another one under its name is refused", async () => {
  const world = await aTestingGateway();
  await world.ask("experiments.define", HERO);
  expect((await world.ask("experiments.define", HERO)).value).toMatchObject({ version: 1 });
  expect(await world.refusal("define", { ...HERO, traffic: 0.5 })).toMatchObject({
    code: "EXPERIMENT_EXISTS",
  });
  expect(await world.refusal("define", { ...HERO, name: "other" })).toMatchObject({
    code: "EXPERIMENT_OVERLAPS",
  });
});

test("experiments that are defined through two gateways at a time are both kept", async () => {
  const world = await aTestingGateway();
  const half = (name: string, from: number) => ({
    ...HERO,
    name,
    namespace: { name: "home", from, to: from + 0.5 },
  });
  await Promise.all([
    world.ask("experiments.define", half("first", 0)),
    world.ask("experiments.define", half("second", 0.5)),
  ]);
  const { value } = await world.ask("experiments.status", {});
  expect(value).toMatchObject({ version: 2 });
  const names = (value as { experiments: { experiment: string }[] }).experiments.map((one) => one.experiment);
  expect(names.sort()).toEqual(["first", "second"]);
});

test("what is wrong with a definition is told with its place", async () => {
  const world = await aTestingGateway();
  expect(await world.refusal("define", { ...HERO, placement: "sidebar" })).toMatchObject({
    code: "BAD_EXPERIMENT",
    message: "placement: the catalogue of contents in force has no such placement: home",
  });
  expect(
    await world.refusal("define", { ...HERO, arms: [{ name: "a", policy: "best" }, { name: "b" }] }),
  ).toMatchObject({
    code: "BAD_EXPERIMENT",
    message: expect.stringContaining("arms.0.policy: must be one of mixture"),
  });
  expect(await world.refusal("define", [])).toMatchObject({ code: "BAD_EXPERIMENT" });
  expect((await world.releases.get("experiments.1")) === undefined).toBe(true);
});

test("an arm that names the candidate gets its version, and keeps the profiles that it has now", async () => {
  const world = await aTestingGateway();
  const held = { encoder: "linear-7", profiles: [] as Uint8Array[], prepared: 3, shards: 4 };
  await world.bus.serve(world.subjects.profileActor("preview"), () => ({
    data: encode(held),
    contentType: "application/msgpack",
  }));
  const next = { ...HERO, arms: [HERO.arms[0], { name: "next", encoder: "candidate" }] };
  expect(await world.refusal("define", next)).toMatchObject({ code: "CANDIDATE_WARMS_UP", retryable: true });
  held.prepared = 4;
  held.profiles = ["other", "life"].map((map) => encodeProfiles(profilesOf(map)));
  expect((await world.ask("experiments.define", next)).value).toMatchObject({ version: 1 });
  const { experiments } = JSON.parse(new TextDecoder().decode(await world.releases.get("experiments.1")));
  expect(experiments[0].experiment.arms).toMatchObject([
    { name: "control" },
    { name: "next", encoder: "linear-7" },
  ]);
  const kept = await world.releases.get("arm-profiles.hero.linear-7");
  expect(decodeProfiles(kept ?? new Uint8Array())).toMatchObject({ map: "life", version: 1 });
  held.profiles = [encodeProfiles({ ...profilesOf("life"), version: 9 })];
  await world.ask("experiments.define", next);
  expect(await world.releases.get("arm-profiles.hero.linear-7")).toEqual(kept);
  expect(
    await world.refusal("define", { ...next, arms: [HERO.arms[0], { name: "b", encoder: "linear-7" }] }),
  ).toMatchObject({
    code: "BAD_EXPERIMENT",
    message: 'arms.1.encoder: must be "candidate", or left out',
  });
});

/** Profiles of a map, of no members. */
function profilesOf(map: string): PublishedProfiles {
  return {
    map,
    mode: "exclusive",
    version: 1,
    encoder: "linear-7",
    dim: 2,
    watermarkMs: 0,
    profiles: [],
    background: 0,
    calibration: defaultCalibration("linear-7", map, 0),
    threshold: { enter: 0.5, minEvidence: 1 },
  };
}

test("a report tells the sums of the profile actor, and one look more", async () => {
  const world = await aTestingGateway();
  await world.ask("experiments.define", HERO);
  const stored = JSON.parse(new TextDecoder().decode(await world.releases.get("experiments.1")));
  world.book.add({ kind: "defined", records: stored });
  // Half of all come to each arm in turn; 300 click in control, 480 in the other.
  for (let unit = 0; unit < 8_000; unit++) {
    const arm = unit % 2;
    const clicked = Number(unit < (arm === 0 ? 600 : 960));
    const moves = [0, 1, 3, clicked, 4, clicked, 5, clicked, 6, 1, 7, 1, 8, clicked];
    const atMs = NOW_MS - (unit < 7_999 ? 9_000 : 5_000);
    world.book.add({ kind: "moved", experiment: "hero", arm, atMs, moves });
  }
  const { value } = await world.ask("experiments.report", { experiment: "hero" });
  expect(value).toMatchObject({
    experiment: "hero",
    units: 8_000,
    looks: 2,
    started: NOW_MS,
    stopped: null,
    verdicts: [{ arm: "personal", kind: "ship" }],
    overTime: [{ atMs: NOW_MS - 5_000 }, { atMs: NOW_MS }],
  });
  const { value: status } = await world.ask("experiments.status", {});
  expect(status).toMatchObject({
    experiments: [
      { experiment: "hero", units: 8_000, sampleRatioAlarm: false, verdicts: [{ kind: "ship" }] },
    ],
  });
});

test("a stopped one stays to be read, and stopping again changes nothing", async () => {
  const world = await aTestingGateway();
  await world.ask("experiments.define", HERO);
  const stopped = { version: 2, experiment: "hero", started: NOW_MS, stopped: NOW_MS };
  expect((await world.ask("experiments.stop", { experiment: "hero" })).value).toEqual(stopped);
  expect((await world.ask("experiments.stop", { experiment: "hero" })).value).toEqual(stopped);
  expect((await world.ask("experiments.report", { experiment: "hero" })).value).toMatchObject({
    stopped: NOW_MS,
    units: 0,
    verdicts: [{ kind: "continue", because: "too-early" }],
  });
});

test.for([
  ["report", {}, "MISSING_FIELD"],
  ["report", { experiment: 7 }, "WRONG_TYPE"],
  ["report", { experiment: "hero" }, "UNKNOWN_EXPERIMENT"],
  ["stop", { experiment: "hero" }, "UNKNOWN_EXPERIMENT"],
  ["stop", { experiment: "hero", now: true }, "UNKNOWN_FIELD"],
  ["status", { experiment: "hero" }, "UNKNOWN_FIELD"],
] as const)("experiments.%s of %j is refused", async ([endpoint, body, code]) => {
  const world = await aTestingGateway();
  expect(await world.refusal(endpoint, body)).toMatchObject({ code });
});
