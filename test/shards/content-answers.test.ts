import { expect, test } from "vitest";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { NO_DEFINITIONS, useDefinitions, useScorers } from "../../src/shards/shard-state.ts";
import { aCatalogue, aHearing, choosingIn, useCatalogue, useLikedRates } from "./a-catalogue.ts";
import { aShard, aView, fold, MAP, START_MS, useProfiles } from "./a-shard.ts";
import { someContextTable } from "./replay-world.ts";

const NOW_MS = START_MS + 3_600_000;

/** A shard whose catalogue and profiles are in force, and what answers for it at NOW_MS. */
function aWorld(given = aCatalogue()) {
  const state = aShard();
  useCatalogue(state, given);
  useProfiles(state, []);
  const { contents, ...taken } = choosingIn(state, NOW_MS);
  const choose = (user = "ada", placement = "home", context?: Record<string, string>): ContentAnswer => {
    const arrival = arrivalOf(context);
    return decode(contents.choose(user, { placement }, "application/msgpack", { arrival })) as ContentAnswer;
  };
  return { state, ...taken, choose };
}

const all = (count: number, choose: () => ContentAnswer) =>
  Array.from({ length: count }, () => choose()).map(({ content }) => content);

test("a member is shown what their segment clicks, whatever they did", () => {
  const { state, choose } = aWorld();
  useLikedRates(state, 4_000);
  fold(state, aView(), aView({ type: "identify", segments: { life: "loyal" } }));
  const answer = choose();
  expect(answer).toMatchObject({ basis: "member", segment: "loyal" });
  expect(all(100, choose).filter((content) => content === "b").length).toBeGreaterThan(90);
});

test("feedback decides where behaviour does not: who clicked b is shown b", () => {
  const { state, choose } = aWorld();
  useLikedRates(state, 4_000);
  for (const decision of ["d1", "d2", "d3"]) {
    fold(state, aHearing("impression", { decision, user: "ada", tsMs: NOW_MS - 60_000 }, "b"));
    fold(state, aHearing("click", { decision, user: "ada", tsMs: NOW_MS - 50_000 }, "b"));
  }
  expect(choose()).toMatchObject({ basis: "resonance", segment: "loyal" });
  expect(all(100, choose).filter((content) => content === "b").length).toBeGreaterThan(90);
});

test("who has done nothing is shown what those click who come in their way", () => {
  const { state, ids, choose } = aWorld();
  useLikedRates(state, 4_000);
  useScorers(state, [{ ...state.scorers[0]!, contextTable: someContextTable(MAP) }]);
  const byDesk = choose("nobody", "home", { device: "desk" });
  expect(byDesk).toMatchObject({ basis: "context", segment: "loyal" });
  expect(ids.read(byDesk.decision).kind).toBe("session"); // A request is not kept: it can't be chosen again.
  const shown = (device: string) => all(200, () => choose("nobody", "home", { device }));
  const loved = (contents: readonly (string | null)[]) => contents.filter((one) => one === "b").length;
  expect(loved(shown("desk"))).toBeGreaterThan(loved(shown("phone")) + 20);
  expect(choose("nobody")).toMatchObject({ basis: "prior" });
  fold(state, aView({ context: { device: "desk" } }));
  expect(choose("ada", "home", { device: "phone" })).toMatchObject({ basis: "resonance", segment: "loyal" });
});

test("it degrades in order: resonance, prior, popularity, nothing", () => {
  const { state, choose } = aWorld(
    aCatalogue({ contents: [{ id: "a", placements: ["home"], untilMs: NOW_MS + 1 }] }),
  );
  fold(state, aView());
  expect(choose("ada")).toMatchObject({ basis: "resonance", content: "a", arm: "mixture" });
  expect(choose("nobody")).toMatchObject({ basis: "prior", content: "a", arm: "mixture" });
  useDefinitions(state, { version: 2, maps: [{ ...MAP, name: "other" }] });
  expect(choose("ada")).toMatchObject({ basis: "popularity", arm: "popularity", segment: null });
  useDefinitions(state, NO_DEFINITIONS);
  expect(choose("ada")).toMatchObject({ basis: "popularity", content: "a", versions: { profiles: 0 } });
  useCatalogue(state, aCatalogue({ contents: [{ id: "a", placements: ["home"], untilMs: NOW_MS }] }));
  expect(choose("ada")).toMatchObject({ content: null, reason: "nothing-eligible", propensity: 0 });
});

test("what may not be shown is not: by trait, by schedule, by cap", () => {
  const { state, choose } = aWorld(
    aCatalogue({
      contents: [
        { id: "a", placements: ["home"], eligible: { trait: "plan", equals: "pro" } },
        { id: "b", placements: ["home"], fromMs: NOW_MS + 1 },
        { id: "c", placements: ["home"], cap: { impressions: 1, perMs: 86_400_000 } },
      ],
    }),
  );
  expect(new Set(all(30, choose))).toEqual(new Set(["c"]));
  fold(state, aHearing("impression", { decision: "d1", tsMs: NOW_MS - 1_000 }, "c"));
  expect(choose().content).toBeNull();
  fold(state, aView({ type: "identify", traits: { plan: "pro" } }));
  expect(choose().content).toBe("a");
});

test("the id and the log tell what was chosen, and how likely that was", () => {
  const { state, ids, logged, choose } = aWorld();
  useLikedRates(state, 4_000);
  fold(state, aView());
  const chosen = new Map<string | null, number>();
  for (let i = 0; i < 3_000; i++) {
    const answer = choose();
    chosen.set(answer.content, (chosen.get(answer.content) ?? 0) + 1);
    const told = ids.read(answer.decision).chosen;
    expect(told).toMatchObject({ catalogue: 1, placement: 0 });
    expect(["a", "b", "c"][told?.content ?? -1]).toBe(answer.content);
    expect(told?.propensity).toBeCloseTo(answer.propensity, 9);
  }
  for (const [, , , content, , , propensity] of logged.slice(0, 20))
    expect((chosen.get(content) ?? 0) / 3_000).toBeCloseTo(propensity, 1);
});
