import { jetstreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { beforeAll, expect, test } from "vitest";
import { abilitiesOf } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import type { TestNats } from "../start-nats.ts";
import { logContract, readAll, take } from "./log-contract.ts";
import { bytesOf, messages, textOf } from "./log-messages.ts";
import { describeWithNats } from "./with-nats.ts";

await describeWithNats("a log", (suite) => {
  let nats: TestNats;
  let nc: NatsConnection;
  let log: NatsLog;
  beforeAll(async () => {
    ({ nats, nc } = suite());
    log = await NatsLog.over(nc);
  });

  logContract(() => log);

  test("messages are stored in atomic batches where the server has them", async () => {
    await log.ensure("ATOMIC");
    const { config } = await (await jetstreamManager(nc)).streams.info("ATOMIC");
    expect(config.allow_atomic === true).toBe(abilitiesOf(nc).atomicBatch);
  });

  test("the trace that put a message there is told to a reader that asks for it, whichever way it was sent", async () => {
    await log.ensure("TRACED");
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const traced = (count: number, name: string) =>
      messages(count, name).map((message, i) => (i === 0 ? { ...message, traceparent } : message));
    const reading = await NatsLog.over(nc, { isTraced: true, atomicFrom: 2 });
    await reading.append("TRACED", traced(1, "single "));
    for (let group = 0; group < 4; group++) await reading.append("TRACED", traced(20, `group ${group} `));
    const told = (await readAll(reading, "TRACED", 1, 81)).map((message) => message.traceparent);
    const firsts = [0, 1, 21, 41, 61];
    expect(told.flatMap((trace, i) => (trace === traceparent ? [i] : []))).toEqual(firsts);
    expect((await readAll(log, "TRACED", 1, 81)).every((message) => !("traceparent" in message))).toBe(true);
  });

  test("a message larger than the server takes fails its own caller; those who came with it are stored", async () => {
    await log.ensure("OVERSIZE");
    const fresh = await NatsLog.over(nc); // Its first group goes singly, the next one as a whole if the server can.
    for (const name of ["single ", "whole "]) {
      const large = { id: `${name}large`, data: new Uint8Array(abilitiesOf(nc).maxPayloadBytes + 1) };
      const [before, failed, after] = await Promise.allSettled([
        fresh.append("OVERSIZE", messages(20, name)),
        fresh.append("OVERSIZE", [large]),
        fresh.append("OVERSIZE", messages(20, `${name}after `)),
      ]);
      expect(before).toMatchObject({ status: "fulfilled" });
      expect(failed).toMatchObject({ status: "rejected", reason: { code: "LOG_UNAVAILABLE" } });
      expect(after).toMatchObject({ status: "fulfilled" });
    }
    expect((await log.bounds("OVERSIZE")).last).toBe(80);
  });

  test("groups that go as a whole, and those that can't for a repeat, get the sequences of each", async () => {
    await log.ensure("WHOLE");
    const fresh = await NatsLog.over(nc);
    for (let group = 0; group < 4; group++) {
      const first = group * 40 + 1;
      const told = await Promise.all([
        fresh.append("WHOLE", messages(40, `${group} `)),
        fresh.append("WHOLE", messages(40, `${group} `)),
        fresh.append("WHOLE", messages(1)),
      ]);
      const sequences = Array.from({ length: 40 }, (_, index) => first + index + (group === 0 ? 0 : 1));
      expect(told).toEqual([sequences, sequences, [41]]);
    }
  });

  test("an id that would end its header's line stores nothing", async () => {
    await log.ensure("BROKEN_ID");
    const broken = { id: "a\r\nNats-Rollup: all", data: bytesOf("x") };
    await expect(log.append("BROKEN_ID", [broken])).rejects.toMatchObject({ code: "LOG_UNAVAILABLE" });
    expect((await log.bounds("BROKEN_ID")).last).toBe(0);
  });

  test("an acknowledgement that got lost is asked for again, and nothing is stored twice", async () => {
    await log.ensure("UNHEARD");
    let lost = 0;
    const deaf = await NatsLog.over(
      withDeliveries(nc, ({ subject }) => !(subject.endsWith(".0.1") && ++lost === 1)),
    );
    const told = await Promise.all([
      deaf.append("UNHEARD", messages(3)),
      deaf.append("UNHEARD", messages(2, "b ")),
    ]);
    expect(lost).toBe(1);
    expect(told).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect((await log.bounds("UNHEARD")).last).toBe(5);
  });

  test("a stream of an older release is brought up to date and keeps its messages", async () => {
    const jsm = await jetstreamManager(nc);
    await jsm.streams.add({ name: "OLD", subjects: ["OLD"] });
    await log.append("OLD", messages(300));
    await log.ensure("OLD");
    await log.append("OLD", [{ id: "after", data: bytesOf("after") }]);
    const { config, state } = await jsm.streams.info("OLD");
    expect(config.allow_atomic === true).toBe(abilitiesOf(nc).atomicBatch);
    expect(state.last_seq).toBe(301);
  });

  test("a reader goes on after messages that were deleted", async () => {
    await log.ensure("HOLES");
    await log.append("HOLES", messages(10));
    const jsm = await jetstreamManager(nc);
    for (const sequence of [2, 3, 5, 6]) await jsm.streams.deleteMessage("HOLES", sequence);
    const read = await readAll(log, "HOLES", 1, 6);
    expect(read.map((message) => message.sequence)).toEqual([1, 4, 7, 8, 9, 10]);
    expect(await log.bounds("HOLES")).toEqual({ first: 1, last: 10 });
  });

  test("a trim purges nothing that is too new, whatever was deleted before", async () => {
    await log.ensure("TRIMMED");
    const jsm = await jetstreamManager(nc);
    await log.append("TRIMMED", messages(1));
    let [first, second] = [0, 0];
    while (second <= first) {
      await jsm.streams.purge("TRIMMED");
      const [old = 0] = await log.append("TRIMMED", [{ id: crypto.randomUUID(), data: bytesOf("old") }]);
      const rest = Array.from({ length: 8 }, () => ({ id: crypto.randomUUID(), data: bytesOf("new") }));
      await log.append("TRIMMED", rest);
      const read = await readAll(log, "TRIMMED", old, 2);
      [first, second] = read.map(({ storedAtMs }) => storedAtMs) as [number, number];
    }
    const { last } = await log.bounds("TRIMMED");
    for (const back of [1, 3, 4, 5, 6]) await jsm.streams.deleteMessage("TRIMMED", last - back);
    expect(await log.trim("TRIMMED", last, second)).toBe(last - 7); // The first of the new ones.
    expect((await readAll(log, "TRIMMED", last - 7, 3)).map(({ sequence }) => sequence)).toEqual([
      last - 7,
      last - 2,
      last,
    ]);
  });

  test("a reader whose consumer was taken away makes another and misses nothing", async () => {
    await log.ensure("ROBBED");
    await log.append("ROBBED", messages(5));
    const reader = await log.read("ROBBED", 1);
    await take(reader, 5);
    const jsm = await jetstreamManager(nc);
    for await (const { name } of jsm.consumers.list("ROBBED")) await jsm.consumers.delete("ROBBED", name);
    await log.append("ROBBED", [{ id: "next", data: bytesOf("next") }]);
    expect((await take(reader, 1)).map((message) => message.sequence)).toEqual([6]);
    await reader.close();
  });

  test("a delivery that got lost on the way is fetched again, in its place", async () => {
    await log.ensure("LOSSY");
    await log.append("LOSSY", messages(50));
    let lost = 0;
    const lossy = withDeliveries(nc, (message) => {
      const isLost = lost < 3 && message.reply?.split(".")[5] === String(10 * (lost + 1));
      lost += isLost ? 1 : 0;
      return !isLost;
    });
    const read = await readAll(await NatsLog.over(lossy), "LOSSY", 1, 50);
    expect(lost).toBe(3);
    expect(read.map((message) => message.sequence)).toEqual(
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
  });

  test("a slow reader loses nothing and is not sent more than it has room for", async () => {
    await log.ensure("SLOW");
    const count = 12_000;
    for (let start = 0; start < count; start += 1_000) {
      const chunk = Array.from({ length: 1_000 }, (_, index) => ({
        id: `${start + index}`,
        data: bytesOf("x"),
      }));
      await log.append("SLOW", chunk);
    }
    const reader = await log.read("SLOW", 1);
    const before = nc.stats().inMsgs;
    await reader.next(1);
    await nc.flush();
    expect(nc.stats().inMsgs - before).toBeLessThan(5_000);
    const rest = await take(reader, count - 1);
    expect(rest.map((message) => message.sequence)).toEqual(
      Array.from({ length: count - 1 }, (_, index) => index + 2),
    );
    await reader.close();
  });

  test("a published message is stored under its subject", async () => {
    await log.ensure("PUBLISHED", { subjects: ["published.>"] });
    await log.publishTo("published.a", "id", bytesOf("x"));
    await log.publishTo("published.a", "id", bytesOf("x"));
    expect((await log.bounds("PUBLISHED")).last).toBe(1);
  });

  test("publishing to a subject that no stream keeps fails", async () => {
    await expect(log.publishTo("nowhere", "id", bytesOf("x"))).rejects.toMatchObject({
      code: "LOG_UNAVAILABLE",
    });
  });

  test("what is appended while the server restarts is stored once and in order", async () => {
    await log.ensure("DURING");
    const restarted = nats.restart();
    const chunks = Array.from({ length: 40 }, (_, chunk) =>
      Array.from({ length: 200 }, (_, index) => ({
        id: `${chunk}.${index}`,
        data: bytesOf(`${chunk}.${index}`),
      })),
    );
    const sequences: number[] = [];
    for (const chunk of chunks) sequences.push(...(await log.append("DURING", chunk)));
    await restarted;
    expect(sequences).toEqual(Array.from({ length: 8_000 }, (_, index) => index + 1));
    expect((await readAll(log, "DURING", 1, 8_000)).map(textOf)).toEqual(chunks.flat().map(textOf));
  });

  test("what many callers append while the server restarts is stored once, each in order", async () => {
    await log.ensure("DURING_MANY");
    const callers = 30;
    const pump = async (caller: number): Promise<void> => {
      for (let call = 0; call < 10; call++) {
        const sent = messages(20, `${caller}.${call}.`);
        const sequences = await log.append("DURING_MANY", sent);
        expect(sequences).toHaveLength(20);
      }
    };
    const pumping = Promise.all(Array.from({ length: callers }, (_, caller) => pump(caller)));
    await nats.restart();
    await pumping;
    const count = callers * 10 * 20;
    expect((await log.bounds("DURING_MANY")).last).toBe(count);
    const texts = (await readAll(log, "DURING_MANY", 1, count)).map(textOf);
    for (let caller = 0; caller < callers; caller++) {
      const own = texts.filter((text) => text.startsWith(`${caller}.`));
      const given = Array.from({ length: 10 }, (_, call) => messages(20, `${caller}.${call}.`).map(textOf));
      expect(own).toEqual(given.flat());
    }
  });

  test("log and reader survive a restart of the server: nothing is lost, nothing comes twice", async () => {
    await log.ensure("RESTARTED");
    await log.append("RESTARTED", messages(500));
    const reader = await log.read("RESTARTED", 1);
    await take(reader, 300);
    await nats.restart(async () => {
      const impatient = await NatsLog.over(nc, { timeoutMs: 200 });
      await expect(impatient.bounds("RESTARTED")).rejects.toMatchObject({
        code: "LOG_UNAVAILABLE",
        retryable: true,
      });
    });
    const after = [{ id: "after", data: bytesOf("after") }];
    expect(await log.append("RESTARTED", after)).toEqual([501]);
    const rest = await take(reader, 201);
    expect(rest.map((message) => message.sequence)).toEqual(
      Array.from({ length: 201 }, (_, index) => index + 301),
    );
    await reader.close();
  });
});

/** The same connection, on which only some messages reach their subscriber. */
function withDeliveries(nc: NatsConnection, delivers: (message: Msg) => boolean): NatsConnection {
  const subscribe: NatsConnection["subscribe"] = (subject, options = {}) => {
    const { callback } = options;
    return nc.subscribe(subject, {
      ...options,
      ...(callback === undefined
        ? {}
        : { callback: (error, message) => (delivers(message) ? callback(error, message) : undefined) }),
    });
  };
  return new Proxy(nc, {
    get(target, name) {
      const value: unknown = name === "subscribe" ? subscribe : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
