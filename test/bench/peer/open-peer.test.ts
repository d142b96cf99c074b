import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { openPeer } from "../../../bench/peer/open-peer.ts";
import { redisServerBinary } from "../../../bench/peer/redis-server-find.ts";
import { eventOf, fitted, simulated } from "../../../bench/peer/stand-alone-material.ts";

const EVENTS = 3_000;
const silent = { env: process.env, report: () => undefined };
const found = await redisServerBinary(silent).then(
  (redis) => ({ redis, reason: "" }),
  (thrown: Error) => ({ redis: undefined, reason: thrown.message }),
);
const title = found.redis === undefined ? `skipped: ${found.reason}` : "against a real Redis";

test.skipIf(found.redis === undefined)(
  `${title}: every event is counted once over cached and stored states, and nothing is left behind`,
  { timeout: 60_000 },
  async () => {
    if (found.redis === undefined) return;
    const behaviours = simulated(3 * EVENTS);
    const release = fitted(behaviours.slice(0, EVENTS), 8);
    const events = behaviours.map(eventOf);
    const ourFolders = async () =>
      (await readdir(tmpdir())).filter((name) => name.startsWith("resonance-redis-"));
    const before = await ourFolders();
    const peer = await openPeer({
      redis: found.redis,
      durability: "no",
      release,
      workers: 2,
      cacheUsers: 50,
    });
    try {
      const { perSecond } = await peer.drain(events.slice(0, EVENTS));
      expect(perSecond).toBeGreaterThan(0);
      // The same events again would be repeats: the pipeline would say so.
      const given = {
        warmUp: events.slice(EVENTS, 2 * EVENTS),
        events: events.slice(2 * EVENTS),
        perSecond: 3_000,
      };
      const { latenciesMs, sentPerSecond } = await peer.openLoop(given);
      expect(latenciesMs.reduce((sum, some) => sum + some.length, 0)).toBe(EVENTS);
      expect(Math.min(...latenciesMs.flatMap((some) => [...some]))).toBeGreaterThan(0);
      expect(sentPerSecond).toBeGreaterThan(1_000);
      const memory = peer.memory();
      expect(memory.users).toBe(new Set(behaviours.map(({ user }) => user)).size);
      expect(memory.stateBytesAUser).toBeGreaterThan(1_000);
      await expect(peer.drain(events.slice(0, EVENTS))).rejects.toThrow(/taken for repeats/);
    } finally {
      await peer.close();
    }
    expect(await ourFolders()).toEqual(before);
  },
);
