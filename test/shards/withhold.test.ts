import fc from "fast-check";
import { expect, test } from "vitest";
import type { Behaviour, LogEntry } from "../../src/events/log-entry.ts";
import { ConsentRules } from "../../src/privacy/consent/consent-rules.ts";
import { parsePolicy } from "../../src/privacy/consent/parse-policy.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aShard, aView, fold } from "./a-shard.ts";

/** What of an event needs which purpose, and is of which family. */
const PARTS = {
  cell: { of: "location.place", given: { cell: "u281" } },
  peer: { of: "social.partners", given: { peer: "bob" } },
  sentiment: { of: "text.mood", given: { sentiment: 0.5 } },
} as const;
type Part = keyof typeof PARTS;
const PURPOSES = ["location", "social", "text"] as const;

const someAct = fc.record({
  parts: fc.uniqueArray(fc.constantFrom<Part>("cell", "peer", "sentiment"), { maxLength: 3 }),
  consent: fc.dictionary(fc.constantFrom(...PURPOSES), fc.boolean(), { maxKeys: 3 }),
});
type Act = typeof someAct extends fc.Arbitrary<infer Given> ? Given : never;

/** What should be counted of acts of one user, told from their answers alone. */
function expectedOf(acts: readonly Act[]) {
  const answers: Record<string, boolean> = {};
  const held = new Set<string>();
  const expected = { withheld: {} as Record<string, number>, withdrawals: {} as Record<string, number> };
  const count = (counts: Record<string, number>, of: string) => (counts[of] = (counts[of] ?? 0) + 1);
  for (const { parts, consent } of acts) {
    Object.assign(answers, consent);
    for (const [purpose, answer] of Object.entries(consent))
      if (!answer && held.delete(purpose)) count(expected.withdrawals, purpose);
    for (const part of parts) {
      const [purpose = ""] = PARTS[part].of.split(".");
      if (answers[purpose] === true) held.add(purpose);
      else
        count(expected.withheld, `${PARTS[part].of}.${answers[purpose] === false ? "refused" : "not-given"}`);
    }
  }
  return expected;
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

function actOf({ parts, consent }: Act): Behaviour {
  return aView({ ...Object.assign({}, ...parts.map((part) => PARTS[part].given)), consent });
}

test("each part that the fold leaves out is counted by purpose, family and reason, each purpose taken back by its name", () => {
  const holds = (acts: Act[]) => {
    const shard = aShard();
    for (const act of acts) fold(shard, actOf(act));
    const told = shard.withheld.figures();
    expect(told).toEqual(expectedOf(acts));
    expect(shard.counters.withdrawals).toBe(sumOf(told.withdrawals));
    expect(shard.counters.withheld).toBeLessThanOrEqual(sumOf(told.withheld));
  };
  fc.assert(fc.property(fc.array(someAct, { maxLength: 12 }), holds));
});

test("a behaviour that is left out as a whole counts once, by whether there was a no", () => {
  const shard = aShard();
  usePolicy(shard, { regions: { eu: { countries: ["DE"], purposes: { personalisation: "opt-in" } } } });
  const there = { context: { country: "DE" }, cell: "u281" };
  fold(shard, aView(there), aView({ ...there, consent: { personalisation: false } }), aView(there));
  expect(shard.withheld.figures().withheld).toEqual({
    "personalisation.all.not-given": 1,
    "personalisation.all.refused": 2,
  });
  expect(shard.counters.withheld).toBe(3);
});

test("who only answers, or says who they are, has nothing left out; what is said beside it has", () => {
  const shard = aShard();
  const no = { personalisation: false };
  fold(shard, aView({ type: "consent", consent: no }), aView({ type: "identify", consent: no }));
  expect(shard.counters.withheld).toBe(0);
  fold(shard, aView({ type: "identify", traits: { plan: "gold" } }));
  expect(shard.withheld.figures().withheld).toEqual({ "personalisation.all.refused": 1 });
});

test("a family that reads nothing but time and type counts each act that it does not see", () => {
  const shard = aShard();
  usePolicy(shard, { purposes: { tempo: "opt-in" }, families: { velocity: "tempo", gaps: "tempo" } });
  fold(shard, aView(), aView({ consent: { tempo: true } }), aView({ consent: { tempo: false } }));
  expect(shard.withheld.figures()).toEqual({
    withheld: {
      "tempo.velocity.not-given": 1,
      "tempo.gaps.not-given": 1,
      "tempo.velocity.refused": 1,
      "tempo.gaps.refused": 1,
    },
    withdrawals: { tempo: 1 },
  });
  expect(shard.counters.withheld).toBe(2);
});

test("keywords that a no to text takes away count for text, though their family needs personalisation only", () => {
  const shard = aShard();
  fold(shard, aView({ keywords: [1] }), aView({ keywords: [2], consent: { text: false } }));
  expect(shard.withheld.figures()).toEqual({
    withheld: { "text.keywords.refused": 1 },
    withdrawals: { text: 1 },
  });
});

test("who takes everything back counts for each purpose that something was held for", () => {
  const shard = aShard();
  const consent = { personalisation: false, location: false, social: false };
  fold(shard, aView({ cell: "u281", consent: { location: true } }), aView({ type: "consent", consent }));
  expect(shard.withheld.figures().withdrawals).toEqual({ personalisation: 1, location: 1 });
  expect(shard.counters.withdrawals).toBe(2);
});

test("an exposure of somebody who is not to be counted is left out for want of analytics", () => {
  const shard = aShard();
  const assigned = { experiment: "hero", arm: 0, hashKey: "ada", bucket: 0.25 };
  const exposure = { ...assigned, contents: ["tea", "rum"], propensity: 0.5 };
  fold(shard, aView({ type: "consent", consent: { analytics: false } }));
  fold(shard, aView({ type: "exposure", exposure }));
  expect(shard.withheld.figures().withheld).toEqual({ "analytics.all.refused": 1 });
});

function usePolicy(shard: ShardState, file: unknown): void {
  const parsed = parsePolicy(file);
  if (parsed.kind === "refused") throw new Error(parsed.message);
  const rules = new ConsentRules({ version: 1, ...parsed.policy });
  shard.releases.privacy = (wanted) => (wanted === 1 ? rules : undefined);
  fold(shard, { kind: "policy-activated", version: 1 } satisfies LogEntry);
}
