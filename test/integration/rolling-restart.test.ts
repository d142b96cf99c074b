import { expect, test } from "vitest";
import { natsUnderTest } from "../adapters/nats-binaries.ts";
import { runRolling } from "../chaos/run-rolling.ts";

/** It takes half a minute alone; the tests of a suite share the machine with others. */
const TIMEOUT_MS = 240_000;

test(
  "clients do not notice that each of two nodes is stopped and started again",
  async () => {
    const [usual] = await natsUnderTest();
    if (usual === undefined || "skipped" in usual) throw new Error("there is no nats-server");
    const result = await runRolling(
      {
        binary: usual.binary,
        servers: 1,
        nodes: 2,
        shards: 4,
        rate: 500,
        batch: 50,
        scores: 100,
        scoreTimeoutMs: 8_000,
        rounds: 1,
        steadyMs: 1_000,
        seed: 3,
      },
      () => undefined,
    );
    expect(result.failures).toEqual([]);
    expect(result.failed).toBe(0);
    expect(result.restarts).toBe(2);
  },
  TIMEOUT_MS,
);
