import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type {
  Catalogue,
  Content,
  Definitions,
  Explained,
  Profiles,
  Score,
  Status,
  Transition,
} from "../../sdk/src/answers.ts";
import type { Outcome, ResonanceEvent } from "../../sdk/src/index.ts";
import type { IngestReply } from "../../sdk/src/ingest-queue.ts";
import type { ColumnsReply } from "../../sdk/src/score-table.ts";
import type { ShardsReply } from "../../sdk/src/shard-ways.ts";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import { type Event, KNOWN_TYPES } from "../../src/events/event.ts";
import { parseEvent } from "../../src/events/parse-event.ts";
import type { ExplainReply } from "../../src/explain.ts";
import type { CatalogueReply } from "../../src/gateway/content-catalogue.ts";
import type { ProfilesReply } from "../../src/gateway/describe-profiles.ts";
import type { IngestReply as EngineIngestReply } from "../../src/gateway/ingest.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import type { ShardsReply as EngineShardsReply } from "../../src/gateway/shards.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import type { ColumnsReply as EngineColumnsReply } from "../../src/resonance/join-columns.ts";
import type { SegmentDefinitions } from "../../src/resonance/segment-map.ts";
import type { Transition as EngineTransition } from "../../src/shards/outcome.ts";

/** Compiles if every answer of the engine is one that the client's types describe. */
type Fits<Engine extends Told, Told> = Engine;

/** What the compiler holds here: the client's own types say nothing that the engine does not answer. */
export type Contract = [
  Fits<ScoreReply, Omit<Score, "way">>,
  Fits<ContentAnswer, Content>,
  Fits<EngineTransition, Transition>,
  Fits<EngineIngestReply, IngestReply>,
  Fits<EngineShardsReply, ShardsReply>,
  Fits<EngineColumnsReply<Uint8Array>, ColumnsReply>,
  Fits<Plain<StatusReply>, Status>,
  Fits<Plain<ProfilesReply>, Profiles>,
  Fits<SegmentDefinitions, Definitions>,
  Fits<CatalogueReply, Catalogue>,
  Fits<Plain<ExplainReply>, Explained>,
];

/** An object type as a record, which an interface of named fields is not by itself. */
type Plain<Value> = Value extends object ? { [Key in keyof Value]: Plain<Value[Key]> } : Value;

/** Every field that an event may have, with a value that the engine takes. */
const EVERY_FIELD: Required<ResonanceEvent> = {
  id: "e1",
  user: "ada",
  type: "view",
  ts: 1_767_225_600_000,
  item: "boots",
  categories: ["shoes"],
  query: "boots",
  text: "nice",
  value: 5,
  currency: "EUR",
  peer: "bob",
  location: { lat: 1, lon: 2 },
  context: { device: "mobile" },
  traits: { plan: "free" },
  segments: { taste: "jazz" },
  consent: { text: true },
  decision: "d1",
};

test("an event of the client's type has the fields that the engine takes, and no others", () => {
  const parsed = parseEvent(EVERY_FIELD, 1_767_225_600_000);
  expect(parsed.kind).not.toBe("refused");
  const engine: Record<keyof Event, true> = {
    id: true,
    user: true,
    type: true,
    tsMs: true,
    item: true,
    categories: true,
    query: true,
    text: true,
    value: true,
    currency: true,
    peer: true,
    location: true,
    context: true,
    traits: true,
    segments: true,
    consent: true,
    decision: true,
  };
  const own = Object.keys(EVERY_FIELD).map((field) => (field === "ts" ? "tsMs" : field));
  expect(own).toEqual(Object.keys(engine));
});

test("the types known by name are the engine's, with those of feedback", () => {
  const feedback: readonly Outcome[] = ["impression", "click", "purchase", "dismiss"];
  const source = readFileSync(join(import.meta.dirname, "../../sdk/src/event.ts"), "utf8");
  const union = /export type KnownType =([^;]*);/.exec(source)?.[1] ?? "";
  const own = [...union.matchAll(/"([a-z_]+)"/g)].map(([, name]) => name);
  expect(new Set(own)).toEqual(new Set([...KNOWN_TYPES, ...feedback, "prefer"]));
});
