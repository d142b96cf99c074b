import { setTimeout as sleep } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { beforeAll, expect, test } from "vitest";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { NatsLogReader } from "../../src/adapters/nats-log-reader.ts";
import { RedactedCopies } from "../../src/adapters/nats-redacted-copies.ts";
import { StoredMessages } from "../../src/adapters/nats-stored-messages.ts";
import type { TestNats } from "../start-nats.ts";
import { bytesOf } from "./log-messages.ts";
import { describeWithNats } from "./with-nats.ts";

const STREAM = "FLAPPING";
const GROUPS = 150;
const GROUP_MESSAGES = 10;
const MESSAGES = GROUPS * GROUP_MESSAGES;

await describeWithNats("a reader of a log", (suite) => {
  let nats: TestNats;
  let nc: NatsConnection;
  beforeAll(() => {
    ({ nats, nc } = suite());
  });

  test("gets each message once and in order while its connection breaks again before a consumer is made", async () => {
    const log = await NatsLog.over(nc);
    await log.ensure(STREAM);
    const flapping = await connect({
      servers: nats.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 5,
      reconnectJitter: 5,
    });
    const jsm = await jetstreamManager(flapping, { checkAPI: false });
    const { consumers } = jsm;
    const add = consumers.add.bind(consumers);
    // Answers come so late that several consumers are being made at a time.
    consumers.add = async (...given) => {
      await sleep(Math.random() * 20);
      const info = await add(...given);
      await sleep(Math.random() * 60);
      return info;
    };
    const copies = new RedactedCopies(jsm, new StoredMessages(flapping, jsm), STREAM);
    const reader = await NatsLogReader.open(flapping, jsm, copies, { from: 1, isTraced: false });
    const seen: number[] = [];
    let isRead = false;
    const breaking = (async () => {
      while (!isRead) {
        await sleep(Math.random() * 60);
        await flapping.reconnect();
      }
    })();
    const writing = (async () => {
      for (let group = 0; group < GROUPS; group++) {
        const some = Array.from({ length: GROUP_MESSAGES }, (_, i) => ({
          id: `${group}-${i}`,
          data: bytesOf("x"),
        }));
        await log.append(STREAM, some);
        await sleep(3);
      }
    })();
    while ((seen.at(-1) ?? 0) < MESSAGES)
      for (const { sequence } of await reader.next(50)) seen.push(sequence);
    isRead = true;
    await Promise.all([breaking, writing]);
    expect(seen).toEqual(Array.from({ length: MESSAGES }, (_, i) => i + 1));
    await reader.close();
    await flapping.close();
  });
});
