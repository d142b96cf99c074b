import { parseArgs } from "node:util";
import { openPeer, type PeerEvent } from "./open-peer.ts";
import { redisServerBinary } from "./redis-server-find.ts";
import type { RedisDurability } from "./redis-server-run.ts";
import { standAloneMaterial } from "./stand-alone-material.ts";

// Runs the pipeline without an engine beside it: node bench/peer/main.ts --events 100000 --fsync everysec
const { values } = parseArgs({
  options: {
    events: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    workers: { type: "string", default: "2" },
    cache: { type: "string", default: "0" },
    rate: { type: "string", default: "20000" },
    seconds: { type: "string", default: "4" },
    fsync: { type: "string", default: "everysec,no" },
  },
});
const [count, rounds, rate] = [Number(values.events), Number(values.rounds), Number(values.rate)];
const openLoopEvents = Math.floor(rate * Number(values.seconds));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130)); // Ends what it started.
const report = (line: string): void => console.error(line);
const redis = await redisServerBinary({ env: process.env, report });
const { events, release, origin } = await standAloneMaterial(count * (rounds + 2) + openLoopEvents, 64);
console.log(`${origin}, redis-server ${redis.version} (${redis.source}), ${values.workers} workers`);

for (const durability of values.fsync.split(",") as RedisDurability[]) {
  const peer = await openPeer({
    redis,
    durability,
    release,
    workers: Number(values.workers),
    cacheUsers: Number(values.cache),
  });
  try {
    const taken = (round: number): readonly PeerEvent[] => events.slice(round * count, (round + 1) * count);
    await peer.drain(taken(0));
    for (let round = 1; round <= rounds; round++) {
      const { perSecond, secondHalfPerSecond } = await peer.drain(taken(round));
      console.log(
        `fsync ${durability}, drain: ${whole(perSecond)}/s, second half ${whole(secondHalfPerSecond)}/s`,
      );
    }
    const [warmUp, sent] = [
      events.slice(-openLoopEvents - count, -openLoopEvents),
      events.slice(-openLoopEvents),
    ];
    const loop = await peer.openLoop({ warmUp, events: sent, perSecond: rate });
    const { latenciesMs, sentPerSecond, lateMsMax } = loop;
    const sorted = latenciesMs.flatMap((some) => [...some]).toSorted((a, b) => a - b);
    const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
    console.log(
      `fsync ${durability}, at ${whole(sentPerSecond)}/s: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, p99.9 ${at(0.999)} ms (sender late ${lateMsMax.toFixed(1)} ms at most)`,
    );
    const { users, redisBytes, workerBytes, stateBytesAUser } = peer.memory();
    console.log(
      `${users} users: redis ${whole(redisBytes / 2 ** 20)} MiB, workers ${whole(workerBytes / 2 ** 20)} MiB, ${whole(stateBytesAUser)} bytes a user in Redis`,
    );
  } finally {
    await peer.close();
  }
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-GB");
}
