import type { ContentCatalogue } from "../../src/content/catalogue.ts";
import type { LoggedDecision } from "../../src/content/content-answer.ts";
import { ContentRates } from "../../src/content/content-rates.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import { ContentAnswers } from "../../src/shards/content-answers.ts";
import type { Exposed } from "../../src/shards/exposure-log.ts";
import { ScoreAnswers } from "../../src/shards/score-answers.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aView, MAP, START_MS } from "./a-shard.ts";

export const TIMEOUT_MS = 1_800_000;

/** A placement `home` over the map of {@link MAP} that may show a, b and c. */
export function aCatalogue(given: Partial<ContentCatalogue> = {}): ContentCatalogue {
  return {
    version: 1,
    placements: [
      {
        name: "home",
        map: MAP.name,
        policy: "mixture",
        floor: 0.02,
        timeoutMs: TIMEOUT_MS,
        examination: 1,
        purchaseWeight: 0,
      },
    ],
    contents: ["a", "b", "c"].map((id) => ({ id, placements: ["home"] })),
    ...given,
  };
}

/** Lets a shard choose from a catalogue, as its entry would. */
export function useCatalogue(shard: ShardState, catalogue = aCatalogue()): void {
  shard.content.useCatalogue(catalogue);
}

/**
 * Puts rates in force by which those who are `new` click a, and those who are `loyal` click b.
 *
 * @param impressions - Of each content in each segment, for each of its users.
 */
export function useLikedRates(
  shard: ShardState,
  impressions: number,
  users: Readonly<Record<"new" | "loyal", number>> = { new: 1, loyal: 1 },
): void {
  const rates = new ContentRates();
  for (let i = 0; i < impressions; i++)
    for (const [segment, liked] of [
      ["new", "a"],
      ["loyal", "b"],
    ] as const)
      for (const content of ["a", "b", "c"]) {
        const who = { segments: [segment], shares: [1] };
        const outcome = { placement: "home", content, shownAtMs: START_MS - 7_200_000, who };
        const isClicked = i % (content === liked ? 4 : 40) === 0;
        for (let user = 0; user < users[segment]; user++) rates.add({ ...outcome, kind: "shown" });
        if (isClicked)
          for (let user = 0; user < users[segment]; user++) rates.add({ ...outcome, kind: "clicked" });
      }
  shard.content.useRates(1, { atMs: START_MS, rates, trust: new Map() });
}

/** What chooses content in a shard at a time, with all that it takes down. */
export function choosingIn(state: ShardState, nowMs: number) {
  const clock = { nowMs: () => nowMs, monotonicMs: () => 0 };
  const ids = new DecisionIds([1, 2], "here");
  const logged: LoggedDecision[] = [];
  const exposed: Exposed[] = [];
  const contents = new ContentAnswers(
    state,
    new ScoreAnswers(state, clock, ids),
    clock,
    ids,
    (one) => logged.push(one),
    (one) => exposed.push(one),
  );
  return { contents, ids, logged, exposed };
}

/** An event about a decision that chose a content at `home`. */
export function aHearing(
  type: string,
  given: Partial<Behaviour> & { decision: string },
  content = "a",
): Behaviour {
  const hearing = aView({ type, ...given });
  const { tsMs } = hearing;
  const { item: _, ...rest } = hearing;
  return {
    ...rest,
    feedback: { placement: "home", map: MAP.name, content, chosenMs: tsMs, propensity: 0.5 },
  };
}
