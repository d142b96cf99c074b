import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../src/cli/client.ts";
import { shardOf } from "../../src/kernel/hash.ts";

/** Asks one user of each shard all the time, and so knows for how long which shard was not answered. */
export type ShardProber = Readonly<{
  /** A fault begins now: what was noticed before counts no more. */
  begin(): void;
  /**
   * Time from the fault until all shards were answered again, ms, as noticed by now; undefined if one is not answered
   * yet.
   */
  recoveryMs(): number | undefined;
  /** Every gap that was noticed, in words. */
  gaps(): string;
  /** Longest time after that in which a shard was not answered, ms: hand-overs should not be noticed. */
  laterGapMs(): number;
  stop(): Promise<void>;
}>;

const EVERY_MS = 50;
const TIMEOUT_MS = 400;
/** Questions of one shard under way at once. */
const IN_FLIGHT = 12;
/** A shard that is not answered for longer is noticed: one question in a row that goes to a node which hangs is not. */
const NOTICED_MS = 500;
/** What a fault does shows within the time after which the cluster gives a silent node up. */
const SHOWS_WITHIN_MS = 3_000;

/** Starts to probe. `client` is asked before each probe: a connection that no fault affects. */
export function startShardProber(client: () => Client, shards: number): ShardProber {
  const users = Array.from({ length: shards }, (_, shard) => userOf(shard, shards));
  let isRunning = true;
  let faultMs = performance.now();
  /** Times of answers to questions that were asked since the fault, a list a shard. */
  let answersMs: number[][] = users.map(() => []);
  const asking = users.map(() => 0);

  const probe = async (shard: number): Promise<void> => {
    const askedMs = performance.now();
    asking[shard] = (asking[shard] ?? 0) + 1;
    try {
      await client().ask("score", { user: users[shard] }, TIMEOUT_MS);
      if (askedMs >= faultMs) answersMs[shard]?.push(performance.now());
    } catch {
      // Not answered: that is what is measured.
    } finally {
      asking[shard] = (asking[shard] ?? 0) - 1;
    }
  };
  const loop = (async () => {
    while (isRunning) {
      for (const shard of users.keys()) if ((asking[shard] ?? 0) < IN_FLIGHT) void probe(shard);
      await sleep(EVERY_MS);
    }
  })();
  /** Gaps between answers, as times since the fault; the last one may still be open. */
  const gapsOf = (shard: number): { fromMs: number; toMs: number; isOpen: boolean }[] => {
    const times = [faultMs, ...(answersMs[shard] ?? [])].sort((a, b) => a - b);
    const gaps = times
      .slice(1)
      .map((toMs, i) => ({ fromMs: times[i]! - faultMs, toMs: toMs - faultMs, isOpen: false }));
    const lastMs = times.at(-1) ?? faultMs;
    gaps.push({ fromMs: lastMs - faultMs, toMs: performance.now() - faultMs, isOpen: true });
    return gaps.filter(({ fromMs, toMs }, i) => i === 0 || toMs - fromMs > NOTICED_MS);
  };
  const isOfTheFault = ({ fromMs }: { fromMs: number }): boolean => fromMs < SHOWS_WITHIN_MS;

  return {
    begin() {
      faultMs = performance.now();
      answersMs = users.map(() => []);
    },
    recoveryMs() {
      const gaps = [...users.keys()].flatMap((shard) => gapsOf(shard).filter(isOfTheFault));
      if (gaps.some(({ isOpen }) => isOpen)) return undefined;
      return Math.max(0, ...gaps.map(({ toMs }) => toMs));
    },
    gaps() {
      const told = [...users.keys()].flatMap((shard) =>
        gapsOf(shard)
          .filter(({ fromMs, toMs }) => toMs - fromMs > NOTICED_MS)
          .map(({ fromMs, toMs }) => `${shard}: ${Math.round(fromMs)}-${Math.round(toMs)}`),
      );
      return told.join(", ");
    },
    laterGapMs() {
      const gaps = [...users.keys()].flatMap((shard) => gapsOf(shard).filter((gap) => !isOfTheFault(gap)));
      return Math.max(0, ...gaps.map(({ fromMs, toMs }) => toMs - fromMs));
    },
    async stop() {
      isRunning = false;
      await loop;
    },
  };
}

function userOf(shard: number, shards: number): string {
  for (let n = 0; ; n++) if (shardOf(`probe-${n}`, shards) === shard) return `probe-${n}`;
}
