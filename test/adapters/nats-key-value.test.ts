import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { headers } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { natsKeyValue } from "../../src/adapters/nats-key-value.ts";
import { keyValueContract } from "./key-value-contract.ts";
import { describeWithNats } from "./with-nats.ts";

let buckets = 0;

await describeWithNats("a table", (suite) => {
  keyValueContract(async () => {
    const table = await natsKeyValue(suite().nc, `table-${++buckets}`);
    return { table, close: async () => {} };
  });

  test("a bucket that was deleted is made anew, and a watch goes on with it", async () => {
    const bucket = `table-${++buckets}`;
    const table = await natsKeyValue(suite().nc, bucket);
    await table.swap("k", Uint8Array.of(1), 0);
    const told: number[] = [];
    const again = Promise.withResolvers<void>();
    const watch = await table.watch("", ({ value }) => {
      told.push(value?.[0] ?? 0);
      if (value?.[0] === 2) again.resolve();
    });
    await (await jetstreamManager(suite().nc)).streams.delete(`KV_${bucket}`);
    let made: number | undefined;
    for (let tries = 0; tries < 20 && made === undefined; tries++)
      made = await table.swap("k", Uint8Array.of(2), 0).catch(() => undefined);
    expect(made).toBeGreaterThan(0);
    await again.promise;
    await watch.close();
    expect(told.at(-1)).toBe(2);
  }, 15_000);

  test("a watch that missed a change hears of it with the next one", async () => {
    const bucket = `table-${++buckets}`;
    const table = await natsKeyValue(suite().nc, bucket);
    const told: string[] = [];
    const again = Promise.withResolvers<void>();
    const watch = await table.watch("", ({ key }) => {
      told.push(key);
      if (told.length === 3) again.resolve();
    });
    await table.swap("a", Uint8Array.of(1), 0);
    const header = headers();
    header.set("Nats-Sequence", "7"); // Those from 2 to 6 never came.
    suite().nc.publish(`${bucket}.told.b`, Uint8Array.of(1), { headers: header });
    await table.swap("c", Uint8Array.of(1), 0);
    await again.promise;
    await watch.close();
    expect(told).toEqual(["a", "a", "c"]);
  });

  test("a bucket that tells nothing by itself is watched too: what this node writes shows that", async () => {
    const bucket = `table-${++buckets}`;
    await new Kvm(suite().nc).create(bucket, { history: 1 });
    const table = await natsKeyValue(suite().nc, bucket);
    const { promise, resolve } = Promise.withResolvers<number>();
    const watch = await table.watch("", ({ revision }) => resolve(revision));
    expect(await table.swap("k", Uint8Array.of(1), 0)).toBe(await promise);
    await watch.close();
  });

  test("reading and watching leave no consumer behind", async () => {
    const bucket = `table-${++buckets}`;
    const table = await natsKeyValue(suite().nc, bucket);
    await Promise.all(Array.from({ length: 300 }, (_, i) => table.swap(`k${i}`, Uint8Array.of(1), 0)));
    const watch = await table.watch("", () => undefined);
    expect(await table.entries("")).toHaveLength(300);
    await watch.close();
    const { state } = await (await jetstreamManager(suite().nc)).streams.info(`KV_${bucket}`);
    expect(state.consumer_count).toBe(0);
  });

  test("a server that is away is told of soon, as something to try again", async () => {
    const table = await natsKeyValue(suite().nc, `table-${++buckets}`, { timeoutMs: 300 });
    await suite().nats.restart(async () => {
      const beganMs = performance.now();
      await expect(table.swap("k", Uint8Array.of(1), 0)).rejects.toMatchObject({
        code: "KEY_VALUE_UNAVAILABLE",
        retryable: true,
      });
      expect(performance.now() - beganMs).toBeLessThan(2_000);
    });
    while ((await table.swap("k", Uint8Array.of(2), 0).catch(() => undefined)) === undefined);
  });
});
