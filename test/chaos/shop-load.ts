import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { Latencies } from "../../src/cli/latencies.ts";
import type { ShopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { toWireError } from "../../src/kernel/engine-error.ts";
import type { Random } from "../../src/kernel/random.ts";
import { scorePatiently } from "./patient-score.ts";

/** Services of a shop: events and questions at steady rates, whatever happens to the engine. */
export type ShopLoad = Readonly<{
  /** Events that were acknowledged, as `user id`. */
  acknowledged: ReadonlySet<string>;
  /** Why events were refused or given up; empty if all went well. */
  troubles: ReadonlyMap<string, number>;
  scores: Readonly<{ latencies: Latencies; failures: ReadonlyMap<string, number>; worstMs(): number }>;
  /** Asks no more, and resolves once everything under way is answered. */
  stop(): Promise<void>;
}>;

const TICK_MS = 25;
const REQUEST_EVENTS = 50;
const IN_FLIGHT = 16;
const INGEST_TIMEOUT_MS = 3_000;

/** Starts the load. `eventsPerSecond` is a goal: what the log does not take yet holds it back. */
export function startShopLoad(
  client: Client,
  shop: ShopSimulator,
  options: Readonly<{ eventsPerSecond: number; scoresPerSecond: number; random: Random }>,
): ShopLoad {
  let isRunning = true;
  let worstMs = 0;
  const acknowledged = new Set<string>();
  const troubles = new Map<string, number>();
  const failures = new Map<string, number>();
  const latencies = new Latencies();
  const users: string[] = [];
  const known = new Set<string>();
  const sending = new Set<Promise<void>>();
  const asking = new Set<Promise<void>>();

  const take = () => {
    const event = toWire(shop.next());
    if (!known.has(event.user)) users.push(event.user);
    known.add(event.user);
    return event;
  };
  const send = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, take);
    try {
      const { refused } = await ingest(client, events, INGEST_TIMEOUT_MS);
      const isRefused = new Set(refused.map(({ index }) => index));
      for (const [index, { user, id }] of events.entries())
        if (!isRefused.has(index)) acknowledged.add(`${user} ${id}`);
      for (const { code } of refused) countUp(troubles, code);
    } catch (thrown) {
      countUp(troubles, toWireError(thrown).code);
    }
  };
  const ask = async (): Promise<void> => {
    const user = users[Math.floor(options.random() * users.length)];
    if (user === undefined) return;
    const { ms, failure } = await scorePatiently(client, user);
    latencies.record(ms);
    worstMs = Math.max(worstMs, ms);
    if (failure !== undefined) countUp(failures, failure);
  };
  const steadily = async (rate: number, act: (count: number) => Promise<void>): Promise<void> => {
    let fromMs = performance.now();
    let owed = 0;
    while (isRunning) {
      await sleep(TICK_MS);
      const nowMs = performance.now();
      // Owed work is capped at a second's worth: after a stall the load goes on, it does not race.
      owed = Math.min(owed + ((nowMs - fromMs) / 1_000) * rate, rate);
      fromMs = nowMs;
      const due = Math.floor(owed);
      owed -= due;
      await act(due);
    }
  };
  const loops = Promise.all([
    steadily(options.eventsPerSecond, async (due) => {
      for (let left = due; left > 0 && isRunning; left -= REQUEST_EVENTS) {
        while (sending.size >= IN_FLIGHT) await Promise.race(sending);
        keep(sending, send(Math.min(REQUEST_EVENTS, left)));
      }
    }),
    steadily(options.scoresPerSecond, async (due) => {
      for (let left = due; left > 0; left--) keep(asking, ask());
    }),
  ]);
  return {
    acknowledged,
    troubles,
    scores: { latencies, failures, worstMs: () => worstMs },
    async stop() {
      isRunning = false;
      await loops;
      await Promise.all([...sending, ...asking]);
    },
  };
}

function keep(held: Set<Promise<void>>, one: Promise<void>): void {
  held.add(one);
  void one.finally(() => held.delete(one));
}

function countUp(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
