import fc from "fast-check";
import { expect, test } from "vitest";
import { MEASURED } from "../../../src/cli/plan/measured-costs.ts";
import { type Load, planCapacity } from "../../../src/cli/plan/plan-capacity.ts";

const LOAD: Load = {
  ...{ users: 100e6, eventsPerUserDay: 20, scoresPerUserDay: 10, peak: 3, activeShare: 0.05, ringEvents: 60 },
  ...{ isBatched: false, standbys: 1, replicas: 3, keepLogHours: 168 },
  ...{ nodeCores: 16, nodeMemoryBytes: 64 * 2 ** 30, utilisation: 0.6 },
};
const plan = (changed: Partial<Load> = {}) => planCapacity({ ...LOAD, ...changed }, MEASURED);

test("a hundred million users, by hand", () => {
  const { events, shards, nodes, nats } = plan();
  expect(events.average).toBeCloseTo((100e6 * 20) / 86_400, 5);
  expect(events.peak).toBeCloseTo(69_444, 0);
  expect(shards.count).toBe(256); // The next power of two over 200, of half a million users each.
  // 69,444 x (6 + 2 x 18) us + 34,722 x 50 us, at 60 % of a core.
  expect(nodes.cores * nodes.count).toBeCloseTo((69_444 * 42e-6 + 34_722 * 50e-6) / 0.6, 2);
  // A week of 180 bytes, three times.
  expect(nats.logBytes).toBeCloseTo(2e9 * 7 * 180 * 3, -6);
});

const loads = fc.record({
  users: fc.integer({ min: 1, max: 1e9 }),
  eventsPerUserDay: fc.double({ min: 0.01, max: 1e3, noNaN: true }),
  scoresPerUserDay: fc.double({ min: 0.01, max: 1e3, noNaN: true }),
  standbys: fc.integer({ min: 0, max: 2 }),
  nodeCores: fc.integer({ min: 2, max: 128 }),
  activeShare: fc.double({ min: 0, max: 1, noNaN: true }),
});

test("no node is asked for more than it has, and shards stay within their bounds", () => {
  fc.assert(
    fc.property(loads, (given) => {
      const { shards, nodes, nats } = plan(given);
      expect(nodes.cores).toBeLessThanOrEqual(given.nodeCores);
      expect(nodes.memoryBytes).toBeLessThanOrEqual(LOAD.nodeMemoryBytes);
      expect(nodes.count).toBeGreaterThan(given.standbys);
      expect(Math.log2(shards.count) % 1).toBe(0);
      expect(shards.users).toBeLessThanOrEqual(500_000);
      expect(shards.threadBusy).toBeLessThanOrEqual(0.1);
      expect(nats.servers).toBeGreaterThanOrEqual(LOAD.replicas);
    }),
  );
});

test("more users never take less of anything", () => {
  fc.assert(
    fc.property(loads, (given) => {
      const [less, more] = [plan(given), plan({ ...given, users: given.users * 2 })];
      expect(more.nodes.count).toBeGreaterThanOrEqual(less.nodes.count);
      expect(more.shards.count).toBeGreaterThanOrEqual(less.shards.count);
      expect(more.nats.logBytes).toBeGreaterThan(less.nats.logBytes);
      expect(more.nats.servers).toBeGreaterThanOrEqual(less.nats.servers);
    }),
  );
});

test("a standby costs one more fold, and batches make smaller logs", () => {
  const cores = (standbys: number) => plan({ standbys }).nodes.cores * plan({ standbys }).nodes.count;
  expect(cores(2) - cores(1)).toBeCloseTo(cores(1) - cores(0), 6);
  expect(plan({ isBatched: true }).nats.logBytes).toBeLessThan(plan().nats.logBytes);
});
