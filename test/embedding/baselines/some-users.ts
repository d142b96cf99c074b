import type { LabelledUsers } from "../../../src/embedding/baselines/labelled-users.ts";
import {
  identitiesOf,
  indicatorsOf,
  type Vocabulary,
  vocabularyOf,
} from "../../../src/embedding/baselines/token-indicators.ts";
import type { History } from "../../../src/embedding/encoder.ts";
import { tokenBuffer } from "../../../src/embedding/event-tokens.ts";
import { anEvent, START_MS } from "../build-histories.ts";

/** A user of segment `segment` who used the items in order, one an event. */
export function aUser(segment: number, ...items: readonly string[]): History {
  const events = items.map((item, i) => anEvent({ item, tsMs: START_MS + i * 1_000 }));
  return { user: `user-${segment}-${items.join("-")}`, labels: { taste: `segment-${segment}` }, events };
}

/** Histories as a baseline is fitted on them; labels are read of map `taste`. */
export function labelled(
  histories: readonly History[],
  segments: number,
): LabelledUsers & { vocabulary: Vocabulary } {
  const vocabulary = vocabularyOf(histories);
  const indicators = indicatorsOf(histories, vocabulary);
  const labels = Int16Array.from(histories, ({ labels: { taste } }) => Number(taste?.split("-")[1]));
  return { vocabulary, indicators, segments, labels, members: histories.map((_, u) => u) };
}

/** The row of an item in a vocabulary. */
export function rowOf(vocabulary: Vocabulary, item: string): number {
  const buffer = tokenBuffer();
  identitiesOf(anEvent({ item }), buffer);
  return vocabulary.index.rowOf(buffer.hashes[0]!);
}
