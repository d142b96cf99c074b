import fc from "fast-check";
import { expect, test } from "vitest";
import { readRateChange, readTrustChange } from "../../src/content/rate-change.ts";
import { NO_RATES } from "../../src/content/rates-release.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { newScoreBuffer, scoreEmbedded } from "../../src/resonance/scorer.ts";
import type { Context } from "../../src/shards/context.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";
import { embedContext } from "../../src/shards/embed-context.ts";
import { offsetsOf } from "../../src/shards/log-offsets.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { IMPRESSIONS_MAX } from "../../src/shards/user-feedback.ts";
import { aCatalogue, aHearing, TIMEOUT_MS, useCatalogue, useLikedRates } from "./a-catalogue.ts";
import { aShard, aView, fold, START_MS, useProfiles } from "./a-shard.ts";

const T = START_MS + 3_600_000;

/** A shard in which those who are `new` click a, and those who are `loyal` click b. */
function aShardWithRates(): ShardState {
  const shard = aShard();
  useCatalogue(shard);
  useLikedRates(shard, 400);
  useProfiles(shard, []);
  return shard;
}

function contextOf(shard: ShardState, user = "ada"): Context {
  const context = shard.contexts.find(user);
  if (context === undefined) throw new Error(`nothing is held of ${user}`);
  return context;
}

function bytesOf(shard: ShardState): string {
  return Buffer.from(encodeContext(contextOf(shard), new ByteWriter())).toString("hex");
}

/** Probabilities of new, loyal and none. */
function scored(shard: ShardState, nowMs: number): number[] {
  const context = contextOf(shard);
  const scores = newScoreBuffer(2);
  const evidence = embedContext(shard, context);
  scoreEmbedded(
    shard.scorers[0]!,
    shard.scratch,
    evidence,
    scores,
    offsetsOf(shard, context, 0, { nowMs, evidence }),
  );
  return [...scores.probabilities];
}

const kindsOf = (outcome: { tallies: readonly { change: unknown }[] }) =>
  outcome.tallies.map(({ change }) => readRateChange(change)?.outcome.kind);

test("an impression and its click are counted once each, at the impression's time and for the same segments", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }));
  const told = [
    fold(shard, aHearing("impression", { decision: "d1", tsMs: T + 1 })),
    fold(shard, aHearing("impression", { decision: "d1", tsMs: T + 2 })),
    fold(shard, aHearing("click", { decision: "d1", tsMs: T + 3 })),
    fold(shard, aHearing("click", { decision: "d1", tsMs: T + 4 })),
  ].flatMap(({ tallies }) => tallies);
  const outcomes = told.map(({ change }) => readRateChange(change)?.outcome);
  expect(outcomes.map((one) => one?.kind)).toEqual(["shown", "clicked"]);
  expect(outcomes[1]).toEqual({ ...outcomes[0], kind: "clicked" });
  expect(outcomes[0]).toMatchObject({ placement: "home", content: "a", shownAtMs: T + 1 });
  const shares = outcomes[0]?.who.shares ?? [];
  expect(shares.reduce((sum, share) => sum + share, 0)).toBeLessThan(0.5); // Who she is, is not known.
});

test("a member's segment answers for all of what they do", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ type: "identify", segments: { life: "loyal" } }));
  const { tallies } = fold(shard, aHearing("impression", { decision: "d1" }));
  expect(readRateChange(tallies[0]?.change)?.outcome.who).toEqual({ segments: ["loyal"], shares: [1] });
});

test("who becomes a member tells once how well their feedback would have told them", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }), aHearing("click", { decision: "d1", tsMs: T }));
  const identify = () => aView({ type: "identify", segments: { life: "new" }, tsMs: T });
  const changes = fold(shard, identify(), identify()).tallies.map(({ change }) => readTrustChange(change));
  expect(changes).toHaveLength(1);
  expect(changes[0]?.map).toBe("life");
  const losses = changes[0]?.losses ?? [];
  for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThan(losses[i - 1] ?? 0); // She clicked what she would.
  expect(fold(shard, aHearing("click", { decision: "d2", tsMs: T })).tallies).toHaveLength(2);
});

test("a stranger of whom nothing was heard is no example", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }));
  expect(fold(shard, aView({ type: "identify", segments: { life: "new" } })).tallies).toEqual([]);
});

test("how far feedback is believed is a matter of the rates in force", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }), aHearing("click", { decision: "d1", tsMs: T }));
  const [usual] = scored(shard, T);
  const { rates } = NO_RATES;
  shard.content.useRates(2, { atMs: T, rates, trust: new Map([["life", 0.1]]) });
  const [little] = scored(shard, T);
  shard.content.useRates(3, { atMs: T, rates, trust: new Map([["life", 1]]) });
  const [wholly] = scored(shard, T);
  expect(little).toBeLessThan(usual ?? 0);
  expect(wholly).toBeGreaterThan(usual ?? 1);
});

test("a click moves the distribution to whom clicks are like, none to whom they are not, and both fade", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }));
  const before = scored(shard, T);
  fold(shard, aHearing("impression", { decision: "d1", tsMs: T }));
  expect(scored(shard, T)).toEqual(before); // Nothing is known yet.
  fold(shard, aHearing("click", { decision: "d1", tsMs: T + 1_000 }));
  const clicked = scored(shard, T + 1_000);
  expect(clicked[0]).toBeGreaterThan(before[0]! + 0.1);
  expect(clicked[1]).toBeLessThan(before[1]!);
  const later = scored(shard, T + 60 * 86_400_000);
  expect(Math.abs(later[0]! - before[0]!)).toBeLessThan(0.01);
});

test("an impression without a click says so once its time-out has passed, at reads and at the next entry alike", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }), aHearing("impression", { decision: "d1", tsMs: T }));
  const [before] = scored(shard, T + TIMEOUT_MS - 1);
  const due = T + TIMEOUT_MS;
  const read = scored(shard, due);
  expect(read[0]).toBeLessThan(before!);
  fold(shard, aView({ type: "consent", tsMs: due, consent: { text: true } }));
  expect(contextOf(shard).feedback?.ledgers.size).toBe(1);
  expect(scored(shard, due)).toEqual(read);
});

test("a late click leaves what it would have left in time", () => {
  const late = aShardWithRates();
  fold(late, aView({ tsMs: T }), aHearing("impression", { decision: "d1", tsMs: T }));
  const before = scored(late, T);
  fold(late, aView({ type: "consent", tsMs: T + TIMEOUT_MS, consent: { text: true } }));
  expect(scored(late, T + TIMEOUT_MS)).not.toEqual(before);
  const { tallies } = fold(late, aHearing("click", { decision: "d1", tsMs: T + 2 * TIMEOUT_MS }));
  expect(readRateChange(tallies[0]?.change)?.outcome).toMatchObject({ kind: "clicked", shownAtMs: T });
  const inTime = aShardWithRates();
  fold(inTime, aView({ tsMs: T }), aHearing("impression", { decision: "d1", tsMs: T }));
  fold(inTime, aHearing("click", { decision: "d1", tsMs: T + TIMEOUT_MS - 1 }));
  const ledgers = [late, inTime].map((shard) => contextOf(shard).feedback?.ledgers.get("life")?.evidence);
  for (const [i, value] of (ledgers[0]?.values ?? []).entries())
    expect(value - ledgers[0]!.rest).toBeCloseTo(ledgers[1]!.values[i]! - ledgers[1]!.rest, 2);
});

test("dismissed says at once what the time-out would have said, and a purchase says that it was clicked", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }), aHearing("impression", { decision: "d1", tsMs: T }));
  const [before] = scored(shard, T);
  expect(kindsOf(fold(shard, aHearing("dismiss", { decision: "d1", tsMs: T + 5 })))).toEqual([]);
  const dismissed = scored(shard, T + 5);
  expect(dismissed[0]).toBeLessThan(before!);
  fold(shard, aHearing("dismiss", { decision: "d1", tsMs: T + 6 }));
  expect(scored(shard, T + 5)).toEqual(dismissed);
  const purchase = aHearing("purchase", { decision: "d1", tsMs: T + 7 });
  expect(kindsOf(fold(shard, purchase))).toEqual(["clicked", "purchased"]);
  const again = aHearing("purchase", { decision: "d1", tsMs: T + 8 });
  expect(kindsOf(fold(shard, again))).toEqual([]);
});

test("a click whose impression was lost is one of its own", () => {
  const shard = aShardWithRates();
  const click = aHearing("click", { decision: "d9", tsMs: T });
  expect(kindsOf(fold(shard, click))).toEqual(["shown", "clicked"]);
  const impression = aHearing("impression", { decision: "d9", tsMs: T });
  expect(kindsOf(fold(shard, impression))).toEqual([]);
});

test("more of this is what a click says, less of it the contrary", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }));
  const before = scored(shard, T);
  const prefer = (value: number) => aView({ type: "prefer", item: "b", value, tsMs: T });
  fold(shard, prefer(1));
  const more = scored(shard, T);
  expect(more[1]).toBeGreaterThan(before[1]! + 0.05);
  fold(shard, prefer(-1), prefer(-1));
  expect(scored(shard, T)[1]).toBeLessThan(before[1]!);
  expect(fold(shard, aView({ type: "prefer", item: "unheard-of", value: 1 })).tallies).toEqual([]);
});

test("what the engine showed is no behaviour: the embedding stays as it was", () => {
  const shard = aShardWithRates();
  fold(shard, aView({ tsMs: T }));
  embedContext(shard, contextOf(shard));
  const before = shard.scratch.embedding.slice();
  fold(shard, aHearing("impression", { decision: "d1", tsMs: T }));
  fold(shard, aHearing("dismiss", { decision: "d1", tsMs: T }));
  embedContext(shard, contextOf(shard));
  expect(shard.scratch.embedding).toEqual(before);
  expect(contextOf(shard).events).toBe(1);
});

test("impressions of capped contents are counted", () => {
  const shard = aShardWithRates();
  const capped = { id: "a", placements: ["home"], cap: { impressions: 2, perMs: 1_000 } };
  useCatalogue(shard, aCatalogue({ contents: [capped] }));
  fold(shard, aHearing("impression", { decision: "d1", tsMs: T }));
  fold(shard, aHearing("impression", { decision: "d2", tsMs: T + 999 }));
  expect(contextOf(shard).feedback?.capCounts.get("a")).toEqual({ openedMs: T, impressions: 2 });
  fold(shard, aHearing("impression", { decision: "d3", tsMs: T + 1_000 }));
  expect(contextOf(shard).feedback?.capCounts.get("a")).toEqual({ openedMs: T + 1_000, impressions: 1 });
});

const someHearings = fc.array(
  fc.record({
    type: fc.constantFrom("impression", "impression", "click", "purchase", "dismiss", "view", "prefer"),
    decision: fc.nat(2 * IMPRESSIONS_MAX),
    content: fc.constantFrom("a", "b", "c"),
    gapMs: fc.nat(TIMEOUT_MS),
  }),
  { minLength: 1, maxLength: 60 },
);

test("a context comes back from its bytes, and goes on as it would have, wherever it was cut", () => {
  const holds = (given: { type: string; decision: number; content: string; gapMs: number }[], at: number) => {
    let tsMs = T;
    const events = given.map(({ type, decision, content, gapMs }, i): Behaviour => {
      tsMs += gapMs;
      if (type === "view" || type === "prefer")
        return aView({ id: `e${i}`, type, tsMs, item: content, value: i % 3 === 0 ? -1 : 1 });
      return aHearing(type, { id: `e${i}`, decision: `d${decision}`, tsMs }, content);
    });
    const [whole, cut] = [aShardWithRates(), aShardWithRates()];
    const all = fold(whole, ...events).tallies;
    const first = fold(cut, ...events.slice(0, at)).tallies;
    if (at > 0) {
      const bytes = encodeContext(contextOf(cut), new ByteWriter());
      cut.contexts.add(decodeContext("ada", bytes));
      expect(bytesOf(cut)).toBe(Buffer.from(bytes).toString("hex"));
    }
    const rest = fold(cut, ...events.slice(at)).tallies;
    expect([...first, ...rest]).toEqual(all);
    const ids = all.map(({ sequence, index }) => sequence * 1_000 + index);
    expect(ids).toEqual([...new Set(ids)].sort((one, other) => one - other)); // Or the second would be a repeat.
    expect(bytesOf(cut)).toBe(bytesOf(whole));
    expect(contextOf(whole).feedback?.impressions.length ?? 0).toBeLessThanOrEqual(IMPRESSIONS_MAX);
  };
  fc.assert(fc.property(someHearings, fc.nat(60), holds), { numRuns: 60 });
});
