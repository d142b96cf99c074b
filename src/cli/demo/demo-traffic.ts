import { setTimeout as sleep } from "node:timers/promises";
import { systemClock } from "../../adapters/system-clock.ts";
import type { Position } from "../../events/log-entry.ts";
import type { ScoreReply } from "../../gateway/score.ts";
import type { Client } from "../client.ts";
import { ingest } from "../ingest-pump.ts";
import { Latencies } from "../latencies.ts";
import type { ShopSimulator } from "../shop/shop-simulator.ts";
import { toWire } from "../shop/wire-event.ts";

/** Traffic of a demo: events at a steady rate, and questions beside them. */
export type DemoTraffic = Readonly<{
  /** Events that the log has stored, and those refused. */
  accepted(): number;
  refused(): number;
  /** Event time of the newest event sent, epoch ms; null before the first. */
  eventTimeMs(): number | null;
  /** Events seen of each visitor. */
  seen: ReadonlyMap<string, number>;
  scoreLatency: Latencies;
  visibleLatency: Latencies;
  /** The newest failure of a question, if any. */
  trouble(): string | undefined;
  stop(): Promise<void>;
}>;

const TICK_MS = 25;
const REQUEST_EVENTS = 100;
/** Ingest requests under way at once: enough to keep the log busy, few enough to feel its back-pressure. */
const IN_FLIGHT = 8;
const SCORE_EVERY_MS = 10;
const VISIBLE_EVERY_MS = 50;

/**
 * Starts the traffic of a simulated shop.
 *
 * @param options - `eventsPerSecond` is a goal: a log that is slower holds it back. `pick` draws an index below n.
 */
export function startDemoTraffic(
  client: Client,
  shop: ShopSimulator,
  options: { readonly eventsPerSecond: number; readonly pick: (n: number) => number },
): DemoTraffic {
  let running = true;
  let accepted = 0;
  let refused = 0;
  let eventTimeMs: number | null = null;
  let trouble: string | undefined;
  const seen = new Map<string, number>();
  const anonymous: string[] = [];
  const scoreLatency = new Latencies();
  const visibleLatency = new Latencies();
  const inFlight = new Set<Promise<void>>();

  const take = (): unknown => {
    const event = shop.next();
    eventTimeMs = event.tsMs;
    const count = seen.get(event.user) ?? 0;
    if (count === 0 && !shop.isMember(event.user)) anonymous.push(event.user);
    seen.set(event.user, count + 1);
    return toWire(event);
  };
  const send = async (events: readonly unknown[]): Promise<readonly Position[]> => {
    const reply = await ingest(client, events);
    accepted += reply.accepted;
    refused += reply.refused.length;
    return reply.positions;
  };
  const troubled = (thrown: unknown): void => {
    trouble = thrown instanceof Error ? thrown.message : String(thrown);
  };

  const pump = async (): Promise<void> => {
    let dueFrom = systemClock.monotonicMs();
    let owed = 0;
    while (running) {
      await sleep(TICK_MS);
      const nowMs = systemClock.monotonicMs();
      // Owed events are capped at one second's worth: after a stall the demo goes on, it does not race.
      owed = Math.min(owed + ((nowMs - dueFrom) / 1_000) * options.eventsPerSecond, options.eventsPerSecond);
      dueFrom = nowMs;
      while (owed >= 1 && running) {
        if (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
        const size = Math.min(REQUEST_EVENTS, Math.floor(owed));
        owed -= size;
        const request = send(Array.from({ length: size }, take)).then(() => {}, troubled);
        inFlight.add(request);
        void request.finally(() => inFlight.delete(request));
      }
    }
    await Promise.all(inFlight);
  };

  const timed = async (into: Latencies, everyMs: number, ask: () => Promise<unknown>): Promise<void> => {
    while (running) {
      const beganMs = systemClock.monotonicMs();
      try {
        await ask();
        into.record(systemClock.monotonicMs() - beganMs);
      } catch (thrown) {
        troubled(thrown);
      }
      await sleep(Math.max(0, everyMs - (systemClock.monotonicMs() - beganMs)));
    }
  };

  const askSomeone = async (): Promise<unknown> => {
    const user = anonymous[options.pick(anonymous.length)];
    return user === undefined ? sleep(SCORE_EVERY_MS) : client.ask("score", { user });
  };
  // Publish one event, then ask for a score that contains it: how long until a click has moved the distribution.
  const clickAndLook = async (): Promise<unknown> => {
    const event = take() as { user: string };
    const atLeast = await send([event]);
    return (await client.ask("score", { user: event.user, atLeast })) as ScoreReply;
  };

  const loops = Promise.all([
    pump(),
    timed(scoreLatency, SCORE_EVERY_MS, askSomeone),
    timed(visibleLatency, VISIBLE_EVERY_MS, clickAndLook),
  ]);
  return {
    accepted: () => accepted,
    refused: () => refused,
    eventTimeMs: () => eventTimeMs,
    seen,
    scoreLatency,
    visibleLatency,
    trouble: () => trouble,
    async stop() {
      running = false;
      await loops;
    },
  };
}
