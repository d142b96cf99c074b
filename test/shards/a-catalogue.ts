import type { ContentCatalogue } from "../../src/content/catalogue.ts";
import type { Behaviour } from "../../src/events/log-entry.ts";
import type { ShardState } from "../../src/shards/shard-state.ts";
import { aView, MAP } from "./a-shard.ts";

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
