import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { beforeAll, expect, test } from "vitest";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { readDirectly, StoredMessages } from "../../src/adapters/nats-stored-messages.ts";
import { messages, textOf } from "./log-messages.ts";
import { describeWithNats } from "./with-nats.ts";

await describeWithNats("single messages of streams", (suite) => {
  let nc: NatsConnection;
  /** Administrative requests for messages, by their subjects. */
  const administrative: string[] = [];

  beforeAll(() => {
    ({ nc } = suite());
    nc.subscribe("$JS.API.STREAM.MSG.GET.*", {
      callback: (_, { subject }) => void administrative.push(subject),
    });
  });

  const requestsOf = async (act: () => Promise<unknown>): Promise<number> => {
    administrative.length = 0;
    await act();
    await nc.flush();
    return administrative.length;
  };

  test("a log's are read past the server's queue of administrative requests", async () => {
    const log = await NatsLog.over(nc);
    await log.ensure("DIRECT");
    await log.append("DIRECT", messages(3));
    const asking = async () =>
      expect((await log.messagesAt("DIRECT", [2, 3, 9])).map(textOf)).toEqual(
        messages(3).slice(1).map(textOf),
      );
    expect(await requestsOf(asking)).toBe(0);
    expect(await requestsOf(() => log.last("DIRECT"))).toBe(0);
  });

  test("streams and buckets of earlier builds are opened to it", async () => {
    const jsm = await jetstreamManager(nc);
    await jsm.streams.add({ name: "EARLIER", subjects: ["EARLIER"] });
    await new Kvm(nc).create("earlier", { history: 1, allow_direct: false });
    await (await NatsLog.over(nc)).ensure("EARLIER");
    await natsBlobStore(nc, { releases: "earlier", artefacts: "earlier-objects" });
    for (const name of ["EARLIER", "KV_earlier"])
      expect((await jsm.streams.info(name)).config.allow_direct, name).toBe(true);
  });

  test("one that is closed to it is read all the same, also when it was closed meanwhile", async () => {
    const jsm = await jetstreamManager(nc);
    const stored = new StoredMessages(nc, jsm);
    const log = await NatsLog.over(nc);
    const first = async () => textOf((await stored.find("CLOSED", { seq: 1 })) ?? { data: new Uint8Array() });
    await log.ensure("CLOSED");
    await log.append("CLOSED", messages(2));
    expect(await first()).toBe("message 0");
    await jsm.streams.update("CLOSED", { allow_direct: false });
    const asking = async () => {
      expect(await first()).toBe("message 0");
      expect(await stored.find("CLOSED", { seq: 3 })).toBeUndefined();
      expect(await stored.last("CLOSED")).toBe(2);
    };
    expect(await requestsOf(asking)).toBe(2);
    expect(await requestsOf(asking)).toBe(2);
  });

  test("a stream with copies is left to its leader", async () => {
    const jsm = await jetstreamManager(nc);
    const updated: unknown[] = [];
    const spied = { ...jsm, streams: { update: async (...given: unknown[]) => void updated.push(given) } };
    await readDirectly(spied as never, { name: "A", num_replicas: 3, allow_direct: true });
    await readDirectly(spied as never, { name: "B", num_replicas: 3, allow_direct: false });
    await readDirectly(spied as never, { name: "C", num_replicas: 1, allow_direct: true });
    expect(updated).toEqual([["A", { allow_direct: false }]]);
  });

  test("what does not exist is said as before", async () => {
    const stored = new StoredMessages(nc, await jetstreamManager(nc));
    await expect(stored.find("NONE", { seq: 1 })).rejects.toThrow("stream not found");
    await expect(stored.last("NONE")).rejects.toThrow("stream not found");
  });
});
