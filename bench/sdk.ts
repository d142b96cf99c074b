import { Command } from "commander";
import { connect, type Resonance } from "../sdk/src/index.ts";
import { connectNats } from "../src/adapters/nats-connection.ts";
import { positiveNumber, wholeNumber } from "../src/cli/client-options.ts";
import { print, runs } from "../src/cli/output.ts";
import { renderTable } from "../src/cli/view/table.ts";
import { shardOf } from "../src/kernel/hash.ts";
import { closedLoop } from "./harness/closed-loop.ts";
import { LeanClient, libraryClient, type RequestClient } from "./harness/request-client.ts";

type Options = Readonly<{
  nats: string;
  users: number;
  inFlight: number;
  seconds: number;
  rounds: number;
  json: boolean;
}>;
type Way = "shard" | "gateway";
/** Asks for the score of one user, and reads the answer. */
type Asker = Readonly<{ client: string; way: Way; ask(user: string, done: (isGood: boolean) => void): void }>;
type Measured = Readonly<{ client: string; way: Way; perSecond: number; cpuUs: number }>;

const decoder = new TextDecoder();

// `npm run bench:sdk -- --nats URL`: what the client library costs beside bare requests, over a node that runs.
await new Command("bench:sdk")
  .description("measure scores over the client library beside bare requests, all of them read as JSON")
  .requiredOption("--nats <url>", "NATS of a running node")
  .option("--users <n>", "users who are asked for", wholeNumber(1), 1_000)
  .option("--in-flight <n>", "questions under way", wholeNumber(1), 64)
  .option("--seconds <n>", "length of each measurement", positiveNumber, 2)
  .option("--rounds <n>", "measurements of each, one after the other", wholeNumber(1), 3)
  .option("--json", "print one JSON object", false)
  .action(
    runs(async (options: Options) => {
      const users = Array.from({ length: options.users }, (_, i) => `bench-${i}`);
      const nc = await connectNats({ servers: [options.nats], name: "bench:sdk" });
      const [direct, indirect] = await Promise.all([
        connect({ servers: options.nats }),
        connect({ servers: options.nats, direct: false }),
      ]);
      await direct.ingest(users.map((user) => ({ user, type: "view", item: "boots" })));
      while ((await direct.score("bench-0")).way !== "shard"); // Until it has learnt how many shards there are.
      const shards = (await direct.status()).shards.length;
      const lean = await LeanClient.over(nc);
      const askers = [
        ...bareAskers("bare requests", lean, shards),
        ...bareAskers("the NATS client's requests", libraryClient(nc), shards),
        libraryAsker(direct, "shard"),
        libraryAsker(indirect, "gateway"),
      ];
      const rounds: Measured[] = [];
      for (let round = 0; round < options.rounds; round++)
        for (const asker of askers) rounds.push(await measured(asker, users, options));
      lean.close();
      await Promise.all([nc.close(), direct.close(), indirect.close()]);
      const medians = askers.map(({ client, way }) => {
        const own = rounds.filter((one) => one.client === client && one.way === way);
        return { client, way, perSecond: median(own, "perSecond"), cpuUs: median(own, "cpuUs") };
      });
      print(options.json, { medians, rounds }, () =>
        renderTable(
          ["client", "way", "scores/s", "us of processor time a score"].map((title, i) => ({
            title,
            ...(i > 1 ? { align: "right" as const } : {}),
          })),
          medians.map(({ client, way, perSecond, cpuUs }) => [
            client,
            way,
            perSecond.toFixed(0),
            cpuUs.toFixed(0),
          ]),
          process.stdout.columns ?? 100,
        ),
      );
    }),
  )
  .parseAsync();

function bareAskers(client: string, requests: RequestClient, shards: number): Asker[] {
  const over = (way: Way): Asker => ({
    client,
    way,
    ask(user, done) {
      const shard = way === "shard" ? `.shard.${shardOf(user, shards)}` : "";
      const data = Buffer.from(JSON.stringify({ user }));
      requests.send(`resonance.v1.score${shard}`, data, undefined, (isGood, reply) =>
        done(isGood && (JSON.parse(decoder.decode(reply)) as { user: string }).user === user),
      );
    },
  });
  return [over("shard"), over("gateway")];
}

function libraryAsker(resonance: Resonance, way: Way): Asker {
  return {
    client: "resonance-map",
    way,
    ask(user, done) {
      resonance.score(user).then(
        (score) => done(score.user === user && score.way === way),
        () => done(false),
      );
    },
  };
}

/** @throws Error if an answer was not in order: what is not answered must not look fast. */
async function measured(
  { client, way, ask }: Asker,
  users: readonly string[],
  { inFlight, seconds }: Options,
): Promise<Measured> {
  const endMs = performance.now() + seconds * 1_000;
  const before = process.cpuUsage();
  let count = 0;
  let bad = 0;
  await closedLoop({
    inFlight,
    goesOn: () => performance.now() < endMs,
    send: (done) => ask(users[count % users.length] ?? "", done),
    answered(_, isGood) {
      count++;
      if (!isGood) bad++;
    },
  });
  const { user, system } = process.cpuUsage(before);
  if (bad > 0)
    throw new Error(`${bad} of ${count} scores over ${client} (${way}) were not answered in order`);
  return { client, way, perSecond: count / seconds, cpuUs: (user + system) / count };
}

function median(rounds: readonly Measured[], of: "perSecond" | "cpuUs"): number {
  const sorted = rounds.map((one) => one[of]).sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? 0;
}
