import { expect, test } from "vitest";
import type { ContentType } from "../../src/events/decode-request.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import { sha256Hex } from "../../src/kernel/hash.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { documentedCodes } from "./documented-codes.ts";
import { gatewayWorld, NOW_MS, SHARDS } from "./gateway-world.ts";
import {
  goodEvent,
  hostileEvents,
  hostileRequests,
  jsonBatch,
  msgpackBatch,
  packEvent,
} from "./hostile-inputs.ts";

const SEED = 20_260_101;
const EVENTS = 6_000;
const REQUESTS = 4_000;
/** Hostile events a batch; as many good ones stand between them. */
const BATCH = 50;
const MSGPACK: ContentType = "application/msgpack";

test("every hostile event is refused with its documented code, and its neighbours are stored", async () => {
  const world = await gatewayWorld();
  const codes = documentedCodes();
  const refused: Record<string, number> = {};
  const good: string[] = [];
  const all = hostileEvents(SEED, EVENTS, NOW_MS);
  for (let start = 0; start < EVENTS; start += BATCH) {
    const inMsgpack = (start / BATCH) % 2 === 1;
    const hostile = all
      .slice(start, start + BATCH)
      .filter((event) => !inMsgpack || event.msgpack !== undefined);
    const neighbours = hostile.map((_, i) => goodEvent(`good-${start + i}`, NOW_MS));
    const data = inMsgpack
      ? msgpackBatch(
          hostile.flatMap((event, i) => [event.msgpack ?? new Uint8Array(), packEvent(neighbours[i])]),
        )
      : jsonBatch(hostile.flatMap((event, i) => [event.json, JSON.stringify(neighbours[i])]));

    const reply = await world.send("ingest", data, inMsgpack ? MSGPACK : "application/json");

    expect(reply.error).toBeUndefined();
    const answer = (
      inMsgpack ? decode(reply.data) : JSON.parse(new TextDecoder().decode(reply.data))
    ) as IngestReply;
    const told = answer.refused.map(({ index, code }) => ({ index, code }));
    expect(told).toEqual(hostile.map(({ code }, i) => ({ index: 2 * i, code })));
    expect(answer.accepted).toBe(hostile.length);
    for (const { code } of hostile) {
      expect(codes).toContain(code);
      refused[code] = (refused[code] ?? 0) + 1;
    }
    good.push(...neighbours.map((event) => String(event["id"])));
  }

  const { counters } = world.gateway;
  expect(counters.refused).toEqual(refused);
  expect(counters.accepted).toBe(good.length);
  expect(counters.errors).toEqual({});
  expect(Object.keys(refused).length).toBeGreaterThanOrEqual(14);
  const stored = (
    await Promise.all(Array.from({ length: SHARDS }, (_, shard) => world.entries(shard)))
  ).flat();
  expect(stored.map((entry) => (entry.kind === "behaviour" ? entry.id : entry.kind)).sort()).toEqual(
    good.sort(),
  );
});

test("every hostile request is refused with its documented code, and none reaches a log or a shard", async () => {
  const world = await gatewayWorld();
  await world.define();
  const asked = await world.serveShards();
  const before = world.appended.length;
  const codes = documentedCodes();
  const errors: Record<string, number> = {};
  for (const { endpoint, contentType, data, code } of hostileRequests(SEED, REQUESTS, NOW_MS)) {
    const reply = await world.send(endpoint, data, contentType);

    expect(reply.error?.code, `${endpoint} ${contentType} ${preview(data)}`).toBe(code);
    const body = (
      contentType === MSGPACK ? decode(reply.data) : JSON.parse(new TextDecoder().decode(reply.data))
    ) as object;
    expect(body).toMatchObject({ code, retryable: false });
    expect(codes).toContain(code);
    errors[code] = (errors[code] ?? 0) + 1;
  }

  const { counters } = world.gateway;
  expect(counters.errors).toEqual(errors);
  expect((counters.requests["ingest"] ?? 0) + (counters.requests["score"] ?? 0)).toBe(REQUESTS);
  expect(counters.accepted).toBe(0);
  expect(asked).toEqual([]);
  expect(world.appended.length).toBe(before);
});

test("no input leaves a trace on the prototype of all objects", async () => {
  const world = await gatewayWorld();
  const before = Object.getOwnPropertyNames(Object.prototype).sort();
  await world.send("ingest", jsonBatch(hostileEvents(1, 500, NOW_MS).map((event) => event.json)));
  expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(before);
  expect("isAdmin" in {}).toBe(false);
});

test("a seed gives the same inputs again, and another seed others", () => {
  const events = (seed: number) => hostileEvents(seed, 200, NOW_MS).map(({ json }) => json);
  const requests = (seed: number) => hostileRequests(seed, 200, NOW_MS).map(({ data }) => sha256Hex(data));
  for (const inputs of [events, requests]) {
    expect(inputs(7)).toEqual(inputs(7));
    expect(inputs(8)).not.toEqual(inputs(7));
  }
});

function preview(data: Uint8Array): string {
  return Buffer.from(data.subarray(0, 60)).toString("latin1");
}
