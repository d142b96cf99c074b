import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import type { EraseReply } from "../../src/gateway/erase.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { benchAccess } from "../harness/bench-access.ts";
import { type Deployment, untilFolded } from "../harness/deployment.ts";
import { BENCH_MAP, type EventStream, segmentNames } from "../harness/event-source.ts";
import { findBytes } from "../harness/find-bytes.ts";
import { foldProfiles, profileContentOf } from "../harness/fold-profiles.ts";
import { type IngestBeside, ingestNote, whileIngesting } from "../harness/ingest-load.ts";
import type { Scenario } from "../harness/scenario.ts";
import { warmNode } from "../harness/warm-node.ts";

/** How many users are erased, how many a second, beside how many events a second. */
const FULL = { erasures: 1_000, perSecond: 50, eventsPerSecond: 10_000 };
const SMOKE = { erasures: 5, perSecond: 10, eventsPerSecond: 500 };
const PATIENCE_MS = 60_000;
/** What those who are erased have done before: each is a member of one of a few segments, among others who stay. */
const EVENTS_EACH = 10;
const SEGMENTS = 4;
const ITEMS = 200;

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
    const first = await eraseAll(
      deployment,
      await arrived(deployment, { name: "first", count: deployment.shards * 4, events }),
      100,
    );
    const rounds: (Erased & { readonly ingest: IngestBeside })[] = [];
    for (let round = 0; round < sizes.rounds; round++) {
      context.progress(
        `round ${round + 1}: ${size.erasures} erasures beside ${size.eventsPerSecond} events/s`,
      );
      const users = await arrived(deployment, { name: String(round), count: size.erasures, events });
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
    const left = deployment.isOwned ? await leftOf(deployment, RUN) : undefined;
    await node?.stop();
    const different = deployment.isOwned ? await differentSums(deployment) : undefined;
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
    if (left === undefined || different === undefined) return;
    if (left !== "") context.progress(`bytes of erased users: ${left}`);
    context.measured({
      metric: "files of node and server that hold bytes of erased users' ids afterwards",
      unit: "found",
      rounds: [left === "" ? 0 : 1],
      goal: { value: { atMost: 0 } },
    });
    context.measured({
      metric: "segments whose sums are other ones than of a fold of what is left, to the last bit",
      unit: "sums",
      rounds: [different],
      goal: { value: { atMost: 0 } },
    });
  },
};

/** In the ids of those who are erased. */
const RUN = `leaver-${Date.now().toString(36)}`;
/** The server overwrites and compacts in its own time. */
const LEFT_PATIENCE_MS = 10_000;
const LEFT_LOOK_MS = 500;

/** Where a word is in what a deployment stores; empty if it is nowhere. */
async function leftOf({ folder }: Deployment, word: string): Promise<string> {
  for (const untilMs = performance.now() + LEFT_PATIENCE_MS; ; await sleep(LEFT_LOOK_MS)) {
    const place = findBytes(folder, [word]).get(word) ?? "";
    if (place === "" || performance.now() >= untilMs) return place;
  }
}

/** How many sums a stopped node holds that differ from those that one fold makes of the samples as they are now. */
async function differentSums({ client, folder, shards, url }: Deployment): Promise<number> {
  const connection = await connectNats({ ...benchAccess(url), name: "resonance bench fold" });
  const store = lmdbProfileStore(join(folder, "bench", "profiles"));
  try {
    const expected = profileContentOf(await foldProfiles(connection, client.subjects, shards));
    const held = profileContentOf(store);
    const names = [...new Set([...expected.keys(), ...held.keys()])].filter((name) => name !== "meta");
    if (names.length === 0) throw new Error("the node holds no sums: nobody was a member");
    return names.filter((name) => expected.get(name) !== held.get(name)).length;
  } finally {
    await store.close();
    await connection.close();
  }
}

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

/** Users who are members of segments, of whom some events are folded: at the time of the others, which is not the machine's. */
async function arrived(
  { client }: Deployment,
  { name, count, events }: Readonly<{ name: string; count: number; events: EventStream }>,
): Promise<string[]> {
  const users = Array.from({ length: count }, (_, i) => `${RUN}-${name}-${i}`);
  const segments = segmentNames(SEGMENTS);
  const [{ ts = 0 } = {}] = await events.take(1);
  for (let nth = 0; nth <= EVENTS_EACH; nth++) {
    const sent = users.map((user, i) => {
      const event = { id: `e-${nth}-${user}`, user, ts: ts + nth };
      return nth === 0
        ? { ...event, type: "identify", segments: { [BENCH_MAP]: segments[i % SEGMENTS] } }
        : { ...event, type: "view", item: `item-${(i * 7 + nth * 13) % ITEMS}` };
    });
    await client.ask("ingest", { events: sent }); // Up to 1,000 in a request.
  }
  await untilFolded(client);
  return users;
}
