import { randomUUID } from "node:crypto";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import { replicasFor } from "../../src/adapters/nats-cluster.ts";
import { abilitiesOf, connectNats } from "../../src/adapters/nats-connection.ts";
import { natsKeyValue } from "../../src/adapters/nats-key-value.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import type { NatsServerBinary } from "../../src/adapters/nats-server-find.ts";
import { pattern } from "../adapters/blob-store-contract.ts";
import { readAll, take } from "../adapters/log-contract.ts";
import { bytesOf, textOf } from "../adapters/log-messages.ts";
import type { NatsUnderTest } from "../adapters/nats-binaries.ts";
import { startNats } from "../start-nats.ts";
import { startNatsCluster, type TestNatsCluster } from "../start-nats-cluster.ts";

/** An election takes up to 9 s, and the tests of a suite share the machine with others. */
const TIMEOUT_MS = 90_000;

/** What the engine needs of a cluster of one kind of server. Most of the time goes by in elections. */
export function clusterSuite(server: NatsUnderTest): void {
  if ("skipped" in server) {
    test.skip(`a cluster of ${server.title}: not tested, for ${server.skipped}`, () => undefined);
    return;
  }
  test(`one or two servers of ${server.title} keep one copy`, { timeout: TIMEOUT_MS }, async () => {
    for (const start of [startNats, (binary: NatsServerBinary) => startNatsCluster(binary, 2)]) {
      const servers = await start(server.binary);
      const nc = await connectNats({
        servers: "urls" in servers ? servers.urls : [servers.url],
        name: "small",
      });
      expect(await replicasFor(nc)).toBe(1);
      await nc.close();
      await servers.stop();
    }
  });

  describe(`a cluster of ${server.title}`, { timeout: TIMEOUT_MS }, () => {
    let cluster: TestNatsCluster;
    let nc: NatsConnection;
    let jsm: JetStreamManager;
    beforeAll(async () => {
      cluster = await startNatsCluster(server.binary);
      nc = await connectNats({ servers: cluster.urls, name: "cluster-test" });
      jsm = await jetstreamManager(nc, { checkAPI: false });
    }, TIMEOUT_MS);
    afterAll(async () => {
      await nc?.close();
      await cluster?.stop();
    });

    const leaderOf = async (stream: string): Promise<number> => {
      const { cluster: raft } = await retried(() => jsm.streams.info(stream));
      return cluster.names.indexOf(raft?.leader ?? "");
    };

    /** A connection that knows all servers, and is at a given one. */
    const connectedTo = async (name: string): Promise<NatsConnection> => {
      for (;;) {
        const connection = await connectNats({ servers: cluster.urls, name: "near" });
        if (connection.info?.server_name === name) return connection;
        await connection.close();
      }
    };

    test("streams and tables get three copies, and none of the trial stays", async () => {
      const replicas = await replicasFor(nc);
      expect(replicas).toBe(3);
      await (await NatsLog.over(nc, { replicas })).ensure("COPIES");
      await natsKeyValue(nc, "copies", { replicas });
      await natsBlobStore(nc, { releases: "copies-r", artefacts: "copies-a" }, { replicas });
      for (const name of ["COPIES", "KV_copies", "KV_copies-r", "OBJ_copies-a"])
        expect((await jsm.streams.info(name)).config.num_replicas).toBe(3);
      const names: string[] = [];
      for await (const { config } of jsm.streams.list()) names.push(config.name);
      expect(names.sort()).toEqual(["COPIES", "KV_copies", "KV_copies-r", "OBJ_copies-a"]);
    });

    test("appends and a reader go on when the server that leads the stream is killed", async () => {
      const log = await NatsLog.over(nc, { replicas: 3 });
      await log.ensure("KILLED");
      const reader = await log.read("KILLED", 1);
      const append = async (count: number): Promise<string[]> => {
        const texts = Array.from({ length: count }, () => randomUUID());
        await log.append(
          "KILLED",
          texts.map((text) => ({ id: text, data: bytesOf(text) })),
        );
        return texts;
      };
      const sent = await append(200);
      const leader = await leaderOf("KILLED");
      await cluster.kill(leader);
      const killedMs = performance.now();
      sent.push(...(await append(1)));
      const appendedMs = performance.now() - killedMs;
      for (const count of [1, 50, 300]) sent.push(...(await append(count)));
      expect((await take(reader, sent.length)).map(textOf)).toEqual(sent);
      const readMs = performance.now() - killedMs;
      process.stdout.write(
        `leader killed: appended after ${Math.round(appendedMs)} ms, read after ${Math.round(readMs)} ms\n`,
      );
      await reader.close();
      await cluster.restart(leader);
      expect((await readAll(log, "KILLED", 1, sent.length)).map(textOf)).toEqual(sent);
    });

    test("appends go on when the leading server hangs, and what it had in hand is stored once", async () => {
      await (await NatsLog.over(nc, { replicas: 3 })).ensure("HUNG");
      const leader = await leaderOf("HUNG");
      // Through the very server that will hang, which leaves the connection open.
      const near = await connectedTo(cluster.names[leader] ?? "");
      const log = await NatsLog.over(near);
      const sent: string[] = [];
      const append = async (count: number): Promise<void> => {
        const texts = Array.from({ length: count }, () => randomUUID());
        sent.push(...texts);
        await log.append(
          "HUNG",
          texts.map((text) => ({ id: text, data: bytesOf(text) })),
        );
      };
      await append(50);
      cluster.pause(leader);
      const pausedMs = performance.now();
      await append(1);
      process.stdout.write(`leader paused: appended after ${Math.round(performance.now() - pausedMs)} ms\n`);
      await append(50);
      cluster.resume(leader);
      await append(50);
      await cluster.untilHealthy();
      expect((await log.bounds("HUNG")).last).toBe(sent.length);
      // As its leader has it: a copy of NATS 2.9 whose server stood still may differ from the others for good.
      const jsm = await jetstreamManager(nc);
      const stored = await Promise.all(
        sent.map(async (_, i) => {
          const message = await retried(() => jsm.streams.getMessage("HUNG", { seq: i + 1 }));
          return message?.string();
        }),
      );
      expect(stored).toEqual(sent);
      if (abilitiesOf(nc).atomicBatch)
        expect((await readAll(log, "HUNG", 1, sent.length)).map(textOf)).toEqual(sent);
      await near.close();
    });

    test("a cluster that has lost one of its three servers still counts as three", async () => {
      const index = cluster.names.indexOf(nc.info?.server_name ?? "");
      await cluster.kill(index);
      expect(await replicasFor(nc)).toBe(3);
      await cluster.restart(index);
    });

    test("large values are read whole from another server, as soon as they are stored", async () => {
      const buckets = { releases: "large-r", artefacts: "large-a" };
      const here = await natsBlobStore(nc, buckets, { replicas: 3 });
      const elsewhere = await Promise.all(
        cluster.urls.map((url) => connectNats({ servers: [url], name: "reader" })),
      );
      const readers = await Promise.all(elsewhere.map((other) => natsBlobStore(other, buckets)));
      for (let round = 0; round < 10; round++) {
        const bytes = pattern(600_000 + 300_000 * round);
        await here.put("key", bytes);
        for (const reader of readers)
          expect((await retried(() => reader.get("key")))?.byteLength).toBe(bytes.byteLength);
      }
      for (const other of elsewhere) await other.close();
    });

    test("a table and its watch go on whichever server is killed, and entries lack nothing", async () => {
      const table = await natsKeyValue(nc, "killed", { replicas: 3 });
      let round = 0;
      let told = 0;
      const watch = await table.watch("", ({ value }) => {
        told = Math.max(told, Number(textOf({ data: value ?? bytesOf("0") })));
      });
      const swap = async (): Promise<number> => {
        const beganMs = performance.now();
        const value = bytesOf(String(++round));
        for (;;) {
          try {
            const held = await table.get("k");
            if (held !== undefined && textOf({ data: held.value }) === String(round)) break; // The write whose answer was lost.
            if ((await table.swap("k", value, held?.revision ?? 0)) !== undefined) break;
          } catch (thrown) {
            expect(thrown).toMatchObject({ code: "KEY_VALUE_UNAVAILABLE", retryable: true });
          }
        }
        return performance.now() - beganMs;
      };
      for (const index of cluster.names.keys()) {
        await swap();
        const led = (await leaderOf("KV_killed")) === index;
        await cluster.kill(index);
        const waitedMs = await swap();
        const beganMs = performance.now();
        while (told < round) await swap(); // Each write makes the adapter check that its watch hears.
        const heardMs = performance.now() - beganMs;
        expect(heardMs).toBeLessThan(3_000);
        const entries = await retried(() => table.entries(""));
        expect(entries.map(({ value }) => textOf({ data: value }))).toEqual([String(round)]);
        process.stdout.write(
          `server ${index} killed${led ? ", which led" : ""}: written after ${Math.round(waitedMs)} ms, told ${Math.round(heardMs)} ms later\n`,
        );
        await cluster.restart(index);
      }
      await watch.close();
    });
  });
}

async function retried<Result>(act: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await act();
    } catch (thrown) {
      // The client's own: a stream without a leader, as after a server was lost, does not answer at all.
      if (thrown instanceof Error && thrown.name === "TimeoutError") continue;
      expect(thrown).toMatchObject({ retryable: true });
    }
  }
}
