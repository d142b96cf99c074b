import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { startTcpProxy } from "../chaos/tcp-proxy.ts";
import { inThread, type ThreadFault } from "../chaos/thread-inspector.ts";
import { startNats } from "../start-nats.ts";
import { startNatsCluster } from "../start-nats-cluster.ts";
import { aDeployment, type Deployment } from "./a-deployment.ts";
import { untilFolded } from "./node-client.ts";

/** Alone each takes less than 10 s; the tests of a suite share the machine with others. */
const TIMEOUT_MS = 90_000;
const SCORES = 40;
/** With half of them lost on the way it would be ten seconds. */
const SCORES_MS_MAX = 2_000;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A server and a deployment of a test's own. */
async function withDeployment(
  shards: number,
  trouble: (world: Deployment, nats: Awaited<ReturnType<typeof startNats>>) => Promise<void>,
): Promise<void> {
  const nats = await startNats();
  const world = await aDeployment(nats.url, shards);
  try {
    await trouble(world, nats);
  } finally {
    await world.close();
    await nats.stop();
  }
}

/** Does one thing again and again until another is done. */
async function whileRunning(again: () => Promise<void>, until: Promise<unknown>): Promise<void> {
  let isDone = false;
  const ending = until.finally(() => {
    isDone = true;
  });
  ending.catch(() => {}); // Awaited below.
  while (!isDone) await again();
  await ending;
}

/** Runs a step and says how long it took: what an operator would like to know. */
async function timed<Result>(what: string, step: () => Promise<Result>): Promise<Result> {
  const startMs = performance.now();
  const result = await step();
  process.stdout.write(`${what}: ${Math.round(performance.now() - startMs)} ms\n`);
  return result;
}

test(
  "while the NATS server restarts, events and scores wait, nothing is lost, and the node goes on",
  () =>
    withDeployment(2, async (world, nats) => {
      const node = await world.up("a");
      await world.send(500);
      const sending = world.send(2_000);
      const restarting = nats.restart(() => pause(500));
      const scoring = async (): Promise<void> => {
        await world.score().catch(() => pause(20)); // It may take longer than a score has patience.
      };
      await whileRunning(scoring, Promise.all([sending, restarting]));
      await untilFolded(world.client);
      expect(await world.score()).toMatchObject({ known: true });
      expect(await node.stop()).toBe(0);
      await world.expectAllFolded("a");
    }),
  TIMEOUT_MS,
);

test(
  "a cluster's table that is deleted is made anew: all shards are answered for again, under greater epochs",
  () =>
    withDeployment(2, async (world) => {
      const node = await world.up("a");
      await world.send(300);
      const before = await world.until(() => true);
      const jsm = await jetstreamManager(world.connection);
      await jsm.streams.delete(`KV_${world.subjects.cluster}`);
      const sending = world.send(1_000);
      const isNewer = ({ shard, epoch }: { shard: number; epoch: number }): boolean =>
        epoch > (before.find((one) => one.shard === shard)?.epoch ?? Number.POSITIVE_INFINITY);
      await timed("table deleted: answered under greater epochs", () =>
        world.until((owners) => owners.every(isNewer)),
      );
      await sending;
      await untilFolded(world.client);
      expect(await node.stop()).toBe(0);
      await world.expectAllFolded("a");
    }),
  TIMEOUT_MS,
);

test(
  "a node that is cut off for 4 s and more is replaced, comes back, and no epoch has two owners",
  () =>
    withDeployment(4, async (world, nats) => {
      const wire = await startTcpProxy(Number(new URL(nats.url).port));
      try {
        const url = `nats://127.0.0.1:${wire.port}`;
        const a = await world.up("a", { nats: url, options: ["--roles", "shards,profiles"] });
        const b = await world.up("b"); // The one gateway.
        await world.send(400);
        const ownsBoth = (names: readonly string[]) => ["a", "b"].every((name) => names.includes(name));
        await world.until((owners) => ownsBoth(owners.map(({ node }) => node)));

        const seen = new Map<string, Set<string>>();
        const probe = async (): Promise<void> => {
          for (let shard = 0; shard < 4; shard++) {
            const owner = await world.owner(shard);
            if (owner === undefined) continue;
            const key = `shard ${shard}, epoch ${owner.epoch}`;
            seen.set(key, (seen.get(key) ?? new Set()).add(owner.node));
          }
        };
        const partition = async (): Promise<void> => {
          const sending = world.send(1_500);
          wire.set("swallow");
          const cutLongEnough = pause(4_000);
          await timed("cut off: the other node answers for all", () =>
            world.until((owners) => owners.every(({ node }) => node === "b")),
          );
          // The node that is cut off has not left: what went to it would be lost, for a second each.
          await timed(`cut off: ${SCORES} scores`, async () => {
            const startMs = performance.now();
            for (let n = 0; n < SCORES; n++)
              expect(await world.score()).toMatchObject({ user: expect.any(String) });
            expect(performance.now() - startMs).toBeLessThan(SCORES_MS_MAX);
          });
          await cutLongEnough;
          wire.set("pass");
          await sending;
          await timed("healed: the node has shards again", () =>
            world.until((owners) => ownsBoth(owners.map(({ node }) => node))),
          );
        };
        await whileRunning(probe, partition());
        await probe(); // On a busy machine one look may have taken all that time.
        for (const [key, nodes] of seen) expect([...nodes], key).toHaveLength(1);
        expect(seen.size).toBeGreaterThan(4);
        await untilFolded(world.client);
        expect(await a.stop()).toBe(0); // It hands over, so that the other has everything.
        await untilFolded(world.client);
        expect(await b.stop()).toBe(0);
        await world.expectAllFolded("b");
      } finally {
        await wire.close();
      }
    }),
  TIMEOUT_MS,
);

test(
  "a node that stands still for 3 s while more than its window arrives goes on where it was",
  () =>
    withDeployment(1, async (world) => {
      const [node, gateway] = await Promise.all([
        world.up("a", { options: ["--roles", "shards,profiles"] }),
        world.up("gateway", { options: ["--roles", "gateway"] }),
      ]);
      await world.send(500);
      const log = await NatsLog.over(world.connection);
      const sending = world.sendSingly(6_000);
      const before = (await log.bounds(world.subjects.shardLog(0))).last;
      process.kill(node.pid, "SIGSTOP");
      await Promise.all([sending, pause(3_000)]);
      const { last } = await log.bounds(world.subjects.shardLog(0));
      expect(last - before).toBeGreaterThan(4_096);
      process.kill(node.pid, "SIGCONT");
      await timed("stood still: everything is folded", () => untilFolded(world.client));
      expect(await world.score()).toMatchObject({ known: true });
      expect(await node.stop()).toBe(0);
      expect(await gateway.stop()).toBe(0);
      await world.expectAllFolded("a");
    }),
  TIMEOUT_MS,
);

const THREAD_FAULTS: readonly (readonly [what: string, fault: ThreadFault, isReplaced: RegExp])[] = [
  ["ends", { kind: "end" }, /^thread \d+ failed/],
  ["hangs", { kind: "hang", ms: 60_000 }, /^thread \d+ failed \(THREAD_HANGS/],
];
test.for(THREAD_FAULTS)(
  "a thread that %s is replaced, and what it held is answered for again",
  { timeout: TIMEOUT_MS },
  ([what, fault, isReplaced]) =>
    withDeployment(2, async (world) => {
      const inspector = Promise.withResolvers<string>();
      const replaced = Promise.withResolvers<void>();
      const said = (line: string): void => {
        const url = /ws:\/\/\S+/.exec(line)?.[0];
        if (url !== undefined) inspector.resolve(url);
        if (isReplaced.test(line)) replaced.resolve();
      };
      const runtime = ["--inspect-port=127.0.0.1:0"];
      const node = await world.up("a", { options: ["--threads", "1"], how: { runtime, said } });
      await world.send(300);
      process.kill(node.pid, "SIGUSR1");
      const first = (): number => 0;
      expect(await inThread(await inspector.promise, fault, first)).toBe(true);
      const sending = world.send(500);
      await timed(`thread ${what}: replaced`, () => replaced.promise);
      await sending;
      await untilFolded(world.client);
      expect(await node.stop()).toBe(0);
      await world.expectAllFolded("a");
    }),
);

test(
  "a log that has lost what was folded from it ends the node, which says so, instead of passing new events over",
  () =>
    withDeployment(1, async (world) => {
      const node = await world.up("a");
      await world.send(200);
      await untilFolded(world.client);
      expect(await node.stop()).toBe(0);
      await (await jetstreamManager(world.connection)).streams.delete(world.subjects.shardLog(0));
      await expect(world.up("a")).rejects.toThrow(/ended with 1 .*LOG_TRUNCATED/s);
    }),
  TIMEOUT_MS,
);

test(
  "when the server that leads a shard's log is killed, events wait for the next leader and none is lost",
  async () => {
    const cluster = await startNatsCluster();
    const world = await aDeployment(cluster.urls.join(","), 1);
    try {
      const node = await world.up("a");
      await world.send(300);
      const jsm = await jetstreamManager(world.connection, { checkAPI: false });
      const { cluster: raft } = await jsm.streams.info(world.subjects.shardLog(0));
      const sending = world.send(1_000);
      await cluster.kill(cluster.names.indexOf(raft?.leader ?? ""));
      await timed("leader killed: all is stored", () => sending);
      await untilFolded(world.client);
      expect(await world.score()).toMatchObject({ known: true });
      expect(await node.stop()).toBe(0);
      await world.expectAllFolded("a");
    } finally {
      await world.close();
      await cluster.stop();
    }
  },
  TIMEOUT_MS,
);
