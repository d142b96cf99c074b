import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import type { Behaviour, LogEntry } from "../../src/events/log-entry.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { ConsentRules } from "../../src/privacy/consent/consent-rules.ts";
import { parsePolicy } from "../../src/privacy/consent/parse-policy.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";
import { embedContext, embedUnder } from "../../src/shards/embed-context.ts";
import { explainUser } from "../../src/shards/explain-user.ts";
import { foldBatch } from "../../src/shards/fold-batch.ts";
import { emptyOutcome, type Outcome } from "../../src/shards/outcome.ts";
import { ScoreAnswers } from "../../src/shards/score-answers.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aCatalogue, choosingIn, useCatalogue } from "./a-catalogue.ts";
import { aShard, aShardThatKnows, aView, fold, MAP, positioned, START_MS, useProfiles } from "./a-shard.ts";

/** More events than any user here does fit into the ring. */
const RING = 64;
const ALL = { location: true, social: true, text: true };

type Parts = Partial<Pick<Behaviour, "cell" | "peer" | "keywords" | "sentiment">>;
/** What of an event each purpose covers. */
const COVERED = { location: ["cell"], social: ["peer"], text: ["keywords", "sentiment"] } as const;
const someParts = fc.record(
  {
    cell: fc.constantFrom("u281", "u33d", "gcpv"),
    peer: fc.constantFrom("bob", "cyd", "dan"),
    keywords: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 }),
    sentiment: fc.constantFrom(-0.5, 0.25, 1),
  },
  { requiredKeys: [] },
);
const someEvents = fc.array(
  fc.record({
    gapMs: fc.nat(5e6),
    type: fc.constantFrom("view", "purchase", "message", "identify"),
    item: fc.constantFrom("shoe", "hat", "bed"),
    context: fc.option(
      fc.constantFrom({ device: "desk" }, { device: "phone", country: "DE" }, { os: "ios" }),
      {
        nil: undefined,
      },
    ),
    parts: someParts,
  }),
  { minLength: 1, maxLength: 50 },
);
type SomeEvents = typeof someEvents extends fc.Arbitrary<infer Given> ? Given : never;
const somePurpose = fc.constantFrom("location" as const, "social" as const, "text" as const);

/** The log of ada's events, each with these consents, and of each only some of its parts. */
function logOf(events: SomeEvents, left: (parts: Parts) => Parts, consent: Record<string, boolean> = ALL) {
  let tsMs = START_MS;
  return events.map(({ gapMs, type, item, context, parts }, i): Behaviour => {
    tsMs += gapMs;
    const said = type === "identify" ? { segments: { life: i % 2 === 0 ? "new" : "loyal" } } : {};
    const where = context === undefined ? {} : { context };
    return aView({ id: `e${i}`, type, item, tsMs, ...where, ...said, ...left(parts), consent });
  });
}

function without(purpose: keyof typeof COVERED): (parts: Parts) => Parts {
  const gone: readonly string[] = COVERED[purpose];
  return (parts) => Object.fromEntries(Object.entries(parts).filter(([part]) => !gone.includes(part)));
}

function answers(consent: Record<string, boolean>): Behaviour {
  return aView({ id: "answers", type: "consent", tsMs: START_MS + 9e9, consent });
}

/** All that a shard holds of ada: her context, and the events in her ring. */
function heldOf(shard: ShardState): unknown {
  const context = shard.contexts.find("ada");
  if (context === undefined) throw new Error("nothing is held of ada");
  const bytes = Buffer.from(encodeContext(context, new ByteWriter())).toString("hex");
  return [bytes, shard.recent.packed(context).map((event) => Buffer.from(event).toString("hex"))];
}

test("after a purpose is refused a context is, bit for bit, that of a user whose events never had any of it", () => {
  const holds = (events: SomeEvents, purpose: keyof typeof COVERED) => {
    const [withdrew, never] = [aShard({ ringEvents: RING }), aShard({ ringEvents: RING })];
    const refusal = answers({ [purpose]: false });
    fold(withdrew, ...logOf(events, (parts) => parts), refusal);
    fold(never, ...logOf(events, without(purpose)), refusal);
    expect(heldOf(withdrew)).toEqual(heldOf(never));
  };
  fc.assert(fc.property(someEvents, somePurpose, holds), { numRuns: 300 });
});

test("of what the ring has forgotten nothing is left that could tell one place from another", () => {
  const holds = (events: SomeEvents, more: number) => {
    const [here, there] = [aShard({ ringEvents: 4 }), aShard({ ringEvents: 4 })];
    // What they saw and did is the same, where they were is not.
    const many = [...events, ...Array.from({ length: 24 + more }, () => events[0]!)];
    const refusal = answers({ location: false });
    fold(here, ...logOf(many, (parts) => ({ ...parts, cell: "u281" })), refusal);
    fold(there, ...logOf(many, (parts) => ({ ...parts, cell: "gcpv" })), refusal);
    expect(heldOf(here)).toEqual(heldOf(there));
    const kept = here.recent.events(here.contexts.find("ada")!);
    expect(kept.every(({ cellHash }) => cellHash === 0)).toBe(true);
  };
  fc.assert(fc.property(someEvents, fc.nat(9), holds), { numRuns: 100 });
});

test("who refuses to be personalised for is, bit for bit, who always did", () => {
  const holds = (events: SomeEvents) => {
    const [withdrew, never] = [aShard({ ringEvents: RING }), aShard({ ringEvents: RING })];
    fold(withdrew, ...logOf(events, (parts) => parts), answers({ personalisation: false }));
    const refusing = { ...ALL, personalisation: false };
    fold(never, ...logOf(events, (parts) => parts, refusing), answers({ personalisation: false }));
    expect(heldOf(withdrew)).toEqual(heldOf(never));
    expect(withdrew.contexts.find("ada")).toMatchObject({ events: 0, mask: 0, isMember: false });
  };
  fc.assert(fc.property(someEvents, holds), { numRuns: 200 });
});

const OWN_PURPOSES = {
  purposes: {
    interests: "opt-out",
    purchases: "opt-in",
    origin: "opt-in",
    hours: "opt-out",
    tempo: "opt-out",
  },
  families: {
    content: "interests",
    commerce: "purchases",
    context: "origin",
    rhythm: "hours",
    velocity: "tempo",
  },
};

test("whatever families a policy gives a purpose, who takes it back is, bit for bit, who never gave it", () => {
  const purposes = ["interests", "purchases", "origin", "hours", "tempo", "location", "social", "text"];
  const agreed = Object.fromEntries(purposes.map((purpose) => [purpose, true]));
  const holds = (events: SomeEvents, purpose: string) => {
    const [withdrew, never] = [aShard({ ringEvents: RING }), aShard({ ringEvents: RING })];
    const rich = (consent: Record<string, boolean>) =>
      logOf(events, (parts) => parts, consent).map((event, i) => ({
        ...event,
        value: i,
        categories: [`c${i % 3}`],
      }));
    for (const shard of [withdrew, never]) usePolicy(shard, 1, OWN_PURPOSES);
    const refusal = answers({ [purpose]: false });
    fold(withdrew, ...rich(agreed), refusal);
    fold(never, ...rich({ ...agreed, [purpose]: false }), refusal);
    expect(heldOf(withdrew)).toEqual(heldOf(never));
  };
  fc.assert(fc.property(someEvents, fc.constantFrom(...purposes), holds), { numRuns: 300 });
});

test("what is refused does not come back with the next encoder, nor from a store", async () => {
  const embeddings = async (left: (parts: Parts) => Parts) => {
    const shard = await aShardThatKnows(["e2"], { ringEvents: RING });
    const events: SomeEvents = Array.from({ length: 40 }, (_, i) => ({
      ...{ gapMs: 1_000, type: "view", item: "shoe", context: undefined },
      parts: { cell: i % 2 === 0 ? "u281" : "gcpv", peer: "bob" },
    }));
    const refusal = answers({ location: false });
    const candidate = shard.releases.encoder("e2")!;
    shard.shadows.begin(candidate);
    fold(shard, ...logOf(events, left));
    embedUnder(shard, candidate, shard.contexts.find("ada")!); // A state under the candidate is held from here on.
    const { ring } = fold(shard, refusal);
    const context = shard.contexts.find("ada")!;
    const chunks = [...shard.recent.slots("ada")].map(([slot, bytes]) => [slot, [...bytes]]);
    return {
      ahead: embedUnder(shard, candidate, context),
      chunks,
      slots: ring.map(({ slot }) => slot).sort(),
    };
  };
  const withdrew = await embeddings((parts) => parts);
  const never = await embeddings(without("location"));
  expect(withdrew.ahead).toEqual(never.ahead);
  expect(withdrew.chunks).toEqual(never.chunks);
  expect(withdrew.slots).toEqual([0, 1]); // Both chunks that the store has are written anew.
  expect(never.slots).toEqual([]);
});

test("a refusal of what was never there changes nothing but the answer", () => {
  const shard = aShard();
  fold(shard, aView(), aView({ type: "identify", segments: { life: "new" } }));
  const before = embeddingOf(shard);
  const outcome = fold(shard, aView({ type: "consent", tsMs: START_MS, consent: { location: false } }));
  expect(outcome.removals).toEqual([]);
  expect(outcome.ring).toEqual([]);
  expect(embeddingOf(shard)).toEqual(before);
  expect(shard.counters.withdrawals).toBe(0);
});

test("how the log is cut, and what was passivated in between, changes no byte of a context that takes answers back", () => {
  const someAnswers = fc.record({
    location: fc.boolean(),
    text: fc.boolean(),
    personalisation: fc.boolean(),
  });
  const holds = (
    events: SomeEvents,
    changes: readonly { at: number; consent: Record<string, boolean> }[],
  ) => {
    const log = logOf(events, (parts) => parts).map((event, i): Behaviour => {
      const change = changes.find(({ at }) => at % events.length === i);
      return { ...event, consent: { ...ALL, ...change?.consent } };
    });
    const [atOnce, alone] = [aShard({ ringEvents: 16 }), aShard({ ringEvents: 16 })];
    foldBatch(atOnce, positioned(atOnce, log), emptyOutcome());
    for (const entry of log) {
      fold(alone, entry);
      const context = alone.contexts.find("ada")!;
      const stored = decodeContext("ada", encodeContext(context, new ByteWriter()).slice());
      alone.contexts.clear();
      alone.contexts.add(stored);
    }
    expect(heldOf(alone)).toEqual(heldOf(atOnce));
  };
  const someChanges = fc.array(fc.record({ at: fc.nat(50), consent: someAnswers }), { maxLength: 6 });
  fc.assert(fc.property(someEvents, someChanges, holds), { numRuns: 200 });
});

test("a member's contributions are taken out, and what is left of them is sampled, in this order", () => {
  const shard = aShard();
  const away = { cell: "u281", consent: { location: true } };
  fold(shard, aView(away), aView({ type: "identify", segments: { life: "new" } }), aView(away));
  const { removals, samples } = fold(shard, aView({ type: "consent", consent: { location: false } }));
  expect(removals).toEqual([{ sequence: 4, index: 0, user: "ada" }]);
  expect(samples).toMatchObject([{ sequence: 4, index: 1, user: "ada", labels: { life: "new" } }]);
});

test("profiles after a member's refusal equal, to the last bit, those of a run that never saw the member", async () => {
  const run = async (...users: string[]) => {
    const shard = aShard();
    const store = memoryProfileStore();
    const profiles = new ProfileState(store);
    profiles.useMaps([MAP], 1);
    const take = async ({ samples, removals }: Outcome): Promise<void> => {
      profiles.apply(profiles.applied + 1, { shard: 7, samples, removals });
      await store.commit(profiles.takeCommit());
    };
    for (let day = 0; day < 5; day++)
      for (const user of users) {
        const at = { user, tsMs: START_MS + day * 86_400_000 };
        const segments = { life: day < 3 ? "new" : "loyal" };
        await take(fold(shard, aView({ ...at, id: `${user} ${day}`, item: `item-${day}` })));
        await take(fold(shard, aView({ ...at, id: `${user} is ${day}`, type: "identify", segments })));
      }
    if (users.includes("ada"))
      await take(fold(shard, aView({ id: "no", type: "consent", consent: { personalisation: false } })));
    return [[...store.sums(profiles.encoder)], store.membersAfter(profiles.encoder, undefined, 10)];
  };
  expect(await run("bob", "ada", "cyd")).toEqual(await run("bob", "cyd"));
});

function embeddingOf(shard: ShardState): Float32Array {
  embedContext(shard, shard.contexts.find("ada")!);
  return shard.scratch.embedding.slice();
}

/** What scores and contents ada gets. */
function answering(shard: ShardState) {
  const clock = { nowMs: () => START_MS + 3_600_000, monotonicMs: () => 0 };
  const scores = new ScoreAnswers(shard, clock, new DecisionIds([1, 2], "test"));
  const score = (user = "ada") => decode(scores.score(user, {}, "application/msgpack")) as ScoreAnswer;
  return { score, ...choosingIn(shard, clock.nowMs()) };
}

test("who may not be personalised for is answered the prior, told why, and leaves what they resonated with", () => {
  const shard = aShard();
  fold(shard, aView(), aView());
  useProfiles(shard, [embeddingOf(shard)]);
  const entered = fold(shard, aView({ context: { referrer: "shop.example" } })).transitions;
  expect(entered).toMatchObject([{ segment: "new", kind: "entered" }]);
  const { score } = answering(shard);
  expect(score()).toMatchObject({ known: true, segments: [{ resonating: true }, {}] });
  const { transitions } = fold(shard, aView({ type: "consent", consent: { personalisation: false } }));
  expect(transitions).toMatchObject([{ segment: "new", kind: "left", probability: 0 }]);
  fold(shard, aView(), aView());
  const { decision: _, ...answer } = score();
  const { decision: __, ...nobody } = score("nobody");
  expect(answer).toEqual({ ...nobody, user: "ada", reason: "consent" });
  const asked = { map: MAP.name, segments: [] };
  expect(explainUser(shard, "ada", asked, START_MS)).toEqual(explainUser(shard, undefined, asked, START_MS));
});

test("a score after a refusal is that of a user whose events never had any of it, though one was answered just before", () => {
  const answered = (left: (parts: Parts) => Parts) => {
    const shard = aShard({ ringEvents: RING });
    const events: SomeEvents = [
      { gapMs: 1, type: "view", item: "shoe", context: undefined, parts: { cell: "u281", peer: "bob" } },
    ];
    fold(shard, ...logOf(events, left));
    useProfiles(shard, [new Float32Array(shard.encoder.dim).fill(0.1)]);
    const { score } = answering(shard);
    const before = score().segments;
    fold(shard, answers({ location: false }));
    return { before, after: score().segments };
  };
  const [withdrew, never] = [answered((parts) => parts), answered(without("location"))];
  expect(withdrew.before).not.toEqual(never.before);
  expect(withdrew.after).toEqual(never.after);
});

test("content for them is what is popular, of no experiment, and the reason is told", () => {
  const shard = aShard();
  useCatalogue(shard, aCatalogue());
  useProfiles(shard, []);
  const { contents, logged } = answering(shard);
  const choose = () => decode(contents.choose("ada", { placement: "home" }, "application/msgpack"));
  fold(shard, aView(), aView({ type: "identify", segments: { life: "loyal" } }));
  expect(choose()).toMatchObject({ basis: "member" });
  fold(shard, aView({ type: "consent", consent: { personalisation: false } }));
  expect(choose()).toMatchObject({
    basis: "popularity",
    arm: "popularity",
    segment: null,
    reason: "consent",
  });
  expect(logged).toHaveLength(2); // Analytics were not refused.
});

test("what is chosen for who refuses to be analysed is not written down", () => {
  const shard = aShard();
  useCatalogue(shard, aCatalogue());
  useProfiles(shard, []);
  const { contents, logged } = answering(shard);
  fold(shard, aView(), aView({ type: "consent", consent: { analytics: false } }));
  expect(decode(contents.choose("ada", { placement: "home" }, "application/msgpack"))).toMatchObject({
    basis: "resonance",
  });
  expect(logged).toEqual([]);
});

/** Puts a policy in force. */
function usePolicy(shard: ShardState, version: number, file: unknown): Outcome {
  const parsed = parsePolicy(file);
  if (parsed.kind === "refused") throw new Error(parsed.message);
  const rules = new ConsentRules({ version, ...parsed.policy });
  shard.releases.privacy = (wanted) => (wanted === version ? rules : undefined);
  return fold(shard, { kind: "policy-activated", version } satisfies LogEntry);
}

const EU = { regions: { eu: { countries: ["DE"], purposes: { personalisation: "opt-in" } } } };

test("a policy holds from its place in the log on, where the user was last, unless they answered", () => {
  const shard = aShard();
  const there = { context: { country: "DE" } };
  fold(shard, aView(there));
  usePolicy(shard, 1, EU);
  usePolicy(shard, 1, {}); // A repeat.
  const { score } = answering(shard);
  expect(score()).toMatchObject({ known: false, reason: "consent" }); // Held from before, and not used any more.
  fold(shard, aView(there), aView());
  expect(shard.contexts.find("ada")?.events).toBe(1);
  expect(shard.counters.withheld).toBe(2);
  fold(shard, aView({ ...there, consent: { personalisation: true } }));
  expect(shard.contexts.find("ada")?.events).toBe(2);
  expect(score()).toMatchObject({ known: true });
  usePolicy(shard, 2, {});
  fold(shard, aView({ user: "bob", ...there }));
  expect(shard.contexts.find("bob")?.events).toBe(1);
});

test("a member whom a stricter policy covers leaves the profiles with their next entry", () => {
  const shard = aShard();
  const there = { context: { country: "DE" } };
  fold(shard, aView(there), aView({ type: "identify", segments: { life: "new" } }));
  usePolicy(shard, 1, EU);
  const { removals, samples } = fold(shard, aView());
  expect(removals).toMatchObject([{ user: "ada" }]);
  expect(samples).toEqual([]);
  expect(fold(shard, aView()).removals).toEqual([]);
});

test("a family with a purpose of its own is folded only for who agrees, and is gone for who does so no more", () => {
  const shard = aShard();
  usePolicy(shard, 1, { purposes: { purchases: "opt-in" }, families: { commerce: "purchases" } });
  const bit = 1 << shard.features.families.findIndex(({ name }) => name === "commerce");
  const buy = (consent: Record<string, boolean> = {}) => aView({ type: "purchase", value: 9, consent });
  const mask = () => (shard.contexts.find("ada")?.mask ?? 0) & bit;
  fold(shard, buy());
  expect(mask()).toBe(0);
  expect(shard.recent.events(shard.contexts.find("ada")!)[0]?.value).toBeNaN();
  fold(shard, buy({ purchases: true }));
  expect(mask()).toBe(bit);
  fold(shard, buy({ purchases: false }));
  expect(mask()).toBe(0);
  expect(shard.recent.events(shard.contexts.find("ada")!).every(({ value }) => Number.isNaN(value))).toBe(
    true,
  );
  expect(shard.counters.withdrawals).toBe(1);
});

test("in a session a refusal in one event counts for all of them", () => {
  const shard = aShard();
  fold(shard, aView());
  useProfiles(shard, [embeddingOf(shard)]);
  const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
  const scores = new ScoreAnswers(shard, clock, new DecisionIds([1, 2], "test"));
  const session = (...behaviours: Behaviour[]) => {
    const answer = decode(scores.session(behaviours, {}, "application/msgpack")) as ScoreAnswer;
    return answer.segments.map(({ probability }) => probability);
  };
  const away = aView({ cell: "u281", consent: { location: true } });
  const later = aView({ consent: { location: false } });
  const { cell: _, ...nowhere } = away;
  expect(session(away, later)).toEqual(session(nowhere, later));
  expect(session(away)).not.toEqual(session(nowhere));
  const no = aView({ type: "consent", consent: { personalisation: false } });
  expect(session(away, no)).toEqual(session());
});
