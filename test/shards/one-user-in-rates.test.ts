import fc from "fast-check";
import { expect, test } from "vitest";
import { readRateChange } from "../../src/content/rate-change.ts";
import { ByteWriter } from "../../src/kernel/byte-writer.ts";
import { decodeContext, encodeContext } from "../../src/shards/context-codec.ts";
import { foldBatch } from "../../src/shards/fold-batch.ts";
import { emptyOutcome } from "../../src/shards/outcome.ts";
import { DAY_MS } from "../../src/shards/pace.ts";
import { COUNTED_A_DAY, COUNTED_OF_A_CONTENT, UserFeedback } from "../../src/shards/user-feedback.ts";
import { aHearing, useCatalogue, useLikedRates } from "./a-catalogue.ts";
import { aShard, START_MS, useProfiles } from "./a-shard.ts";

/** What a user tells: an impression, and perhaps more of it, on a day of the log, at a time of their own choice. */
const someHeard = fc.array(
  fc.record({
    day: fc.integer({ min: 0, max: 2 }),
    tsMs: fc.integer({ min: START_MS - 400 * DAY_MS, max: START_MS }),
    content: fc.constantFrom("a", "a", "b"),
    types: fc.subarray(["impression", "click", "purchase"], { minLength: 1 }),
  }),
  { minLength: 30, maxLength: 60 },
);

test("on no day of the log does one user add more to a content's rates than the bound, whatever they tell", () => {
  const holds = (heard: readonly { day: number; tsMs: number; content: string; types: string[] }[]) => {
    const shard = aShard();
    useCatalogue(shard);
    useLikedRates(shard, 400);
    useProfiles(shard, []);
    const counts = new Map<string, number>();
    const inTime = [...heard].sort((a, b) => a.day - b.day);
    for (const [i, { day, tsMs, content, types }] of inTime.entries()) {
      const entries = types.map((type) => aHearing(type, { decision: `d${i}`, tsMs }, content));
      const outcome = emptyOutcome();
      const loggedAtMs = START_MS + day * DAY_MS;
      const positioned = entries.map((entry, k) => ({ sequence: shard.applied + 1 + k, loggedAtMs, entry }));
      foldBatch(shard, positioned, outcome);
      for (const { change } of outcome.tallies) {
        const kind = readRateChange(change)?.outcome.kind;
        const key = `${day} ${content} ${kind}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    for (const count of counts.values()) expect(count).toBeLessThanOrEqual(COUNTED_OF_A_CONTENT);
    const told = new Set(heard.map(({ day, content }) => `${day} ${content}`));
    for (const key of told) {
      const given = heard.filter(({ day, content }) => `${day} ${content}` === key).length;
      expect(counts.get(`${key} shown`)).toBe(Math.min(given, COUNTED_OF_A_CONTENT)); // And no less than may be.
    }
  };
  fc.assert(fc.property(someHeard, holds), { numRuns: 50 });
});

test("nor to all contents together, also after the context was stored", () => {
  const shard = aShard();
  useCatalogue(shard);
  let feedback = new UserFeedback();
  let counted = 0;
  for (let i = 0; i < 3 * COUNTED_A_DAY; i++) {
    if (feedback.mayCount("home", `content-${i % 60}`, START_MS)) counted++;
    const context = Object.assign(decodeContextWith(feedback), {});
    feedback = context.feedback ?? new UserFeedback();
  }
  expect(counted).toBe(COUNTED_A_DAY);
  expect(feedback.mayCount("home", "content-0", START_MS + DAY_MS)).toBe(true);

  function decodeContextWith(held: UserFeedback) {
    const fresh = aShard();
    foldBatch(
      fresh,
      [{ sequence: 1, loggedAtMs: START_MS, entry: aHearing("view", { decision: "d" }) }],
      emptyOutcome(),
    );
    const context = fresh.contexts.find("ada");
    if (context === undefined) throw new Error("nothing is held of ada");
    context.feedback = held;
    return decodeContext("ada", encodeContext(context, new ByteWriter()));
  }
});
