import { jetstreamManager } from "@nats-io/jetstream";
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
