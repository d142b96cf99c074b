import { setTimeout as sleep } from "node:timers/promises";
import type { EraseReply } from "../../src/gateway/erase.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { type Deployment, untilFolded } from "../harness/deployment.ts";
import { type IngestBeside, ingestNote, whileIngesting } from "../harness/ingest-load.ts";
import type { Scenario } from "../harness/scenario.ts";
import { warmNode } from "../harness/warm-node.ts";

/** How many users are erased, how many a second, beside how many events a second. */
const FULL = { erasures: 1_000, perSecond: 50, eventsPerSecond: 10_000 };
const SMOKE = { erasures: 5, perSecond: 10, eventsPerSecond: 500 };
const PATIENCE_MS = 60_000;

/** How long erasures take while events come in, and whether nothing is left. */
export const erase: Scenario = {
  name: "erase",
  summary: "time from asking for an erasure to its proof, while other events come in at 10,000 a second",
  ownsNodes: false,
  async run(context) {
    const { options, sizes } = context;
    const size = options.smoke ? SMOKE : FULL;
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("erase") })
      : undefined;
    const events = await deployment.events();
    await warmNode(context, deployment, events);
    // Who is where in the logs is not known before the first erasure, which reads them whole.
    const first = await eraseAll(deployment, await arrived(deployment, "first", deployment.shards * 4), 100);
    const rounds: (Erased & { readonly ingest: IngestBeside })[] = [];
    for (let round = 0; round < sizes.rounds; round++) {
      context.progress(
        `round ${round + 1}: ${size.erasures} erasures beside ${size.eventsPerSecond} events/s`,
      );
      const users = await arrived(deployment, String(round), size.erasures);
      const besideMs = (size.erasures * 1_000) / size.perSecond + 5_000;
      const { ingest, beside } = await whileIngesting(
        deployment,
        events,
        { eventsPerSecond: size.eventsPerSecond, besideMs },
        () => eraseAll(deployment, users, size.perSecond),
      );
      rounds.push({ ingest, ...beside });
    }
    await events.close();
    await node?.stop();
    const at = `${size.erasures} erasures, ${size.perSecond} a second, beside ${size.eventsPerSecond} events/s`;
    for (const [name, share] of [
      ["p50", 0.5],
      ["p99", 0.99],
    ] as const)
      context.measured({
        metric: `${name} of ${at}`,
        unit: "ms",
        rounds: rounds.map(({ tookMs }) => tookMs[Math.ceil(share * tookMs.length) - 1] ?? Number.NaN),
        ...(name === "p99" ? { goal: { value: { atMost: 5_000 } } } : {}),
        ...(name === "p50" ? { note: ingestNote(rounds.map(({ ingest }) => ingest)) } : {}),
      });
    context.measured({
      metric: `the first ${first.tookMs.length} erasures after a start, the slowest, with nothing beside`,
      unit: "ms",
      rounds: [first.tookMs.at(-1) ?? Number.NaN],
    });
    context.measured({
      metric: `not done, not verified, or known afterwards, of ${at}`,
      unit: "users",
      rounds: rounds.map(({ wrong }) => wrong + first.wrong),
      goal: { value: { atMost: 0 } },
    });
  },
};

type Erased = Readonly<{ tookMs: readonly number[]; wrong: number }>;

/** Erases users at a rate, whatever the answers take. */
async function eraseAll(
  { client }: Deployment,
  users: readonly string[],
  perSecond: number,
): Promise<Erased> {
  const beganMs = performance.now();
  const tookMs: number[] = [];
  let wrong = 0;
  const one = async (user: string, i: number): Promise<void> => {
    const dueMs = beganMs + (i * 1_000) / perSecond;
    await sleep(Math.max(0, dueMs - performance.now()));
    const reply = (await client
      .ask("erase", { user, waitMs: PATIENCE_MS }, PATIENCE_MS + 5_000)
      .catch(() => undefined)) as EraseReply | undefined;
    tookMs.push(performance.now() - dueMs); // From when it was due: one that waits makes the next ones wait.
    const score = (await client.ask("score", { user }).catch(() => undefined)) as ScoreReply | undefined;
    if (reply?.state !== "done" || reply.verified !== true || score?.known !== false) wrong++;
  };
  await Promise.all(users.map(one));
  return { tookMs: tookMs.sort((a, b) => a - b), wrong };
}

/** Users of whom one event is folded. */
async function arrived({ client }: Deployment, round: string, count: number): Promise<string[]> {
  const run = Date.now().toString(36);
  const users = Array.from({ length: count }, (_, i) => `leaver-${run}-${round}-${i}`);
  await client.ask("ingest", { events: users.map(firstEvent) }); // Up to 1,000 in a request.
  await untilFolded(client);
  return users;
}

function firstEvent(user: string): object {
  return { id: `e-${user}`, user, ts: Date.now(), type: "view", item: "item-1" };
}
