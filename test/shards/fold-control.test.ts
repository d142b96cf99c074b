import { expect, test } from "vitest";
import type { LogEntry } from "../../src/events/log-entry.ts";
import { aShardThatKnows, fold } from "./a-shard.ts";

test("an activation that comes again later does not turn a shard back", async () => {
  const shard = await aShardThatKnows(["e1", "e2"]);
  fold(shard, activation("e1", 5), activation("e2", 9));
  expect(shard.encoder.version).toBe("e2");
  fold(shard, activation("e1", 5), activation("e2", 9), activation("e1", 9));
  expect(shard.encoder.version).toBe("e2");
  expect(shard.encoderOrder).toBe(9);
  fold(shard, activation("e1", 12)); // Activated anew.
  expect(shard.encoder.version).toBe("e1");
});

test("activations without a number count until the first that has one", async () => {
  const shard = await aShardThatKnows(["e1", "e2"]);
  fold(shard, activation("e1", 0), activation("e2", 0));
  expect(shard.encoder.version).toBe("e2");
  fold(shard, activation("e1", 3), activation("e2", 0));
  expect(shard.encoder.version).toBe("e1");
});

test("an activation whose encoder is missing may be made good later", async () => {
  const shard = await aShardThatKnows(["e1"]);
  fold(shard, activation("e9", 4));
  expect(shard.counters.missingReleases).toBe(1);
  fold(shard, activation("e1", 4));
  expect(shard.encoder.version).toBe("e1");
});

function activation(encoder: string, order: number): LogEntry {
  return { kind: "encoder-activated", encoder, profiles: {}, order };
}
