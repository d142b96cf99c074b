import { setTimeout as sleep } from "node:timers/promises";
import { ingest } from "../../src/cli/ingest-pump.ts";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import { encodeReply } from "../../src/events/decode-request.ts";
import type { RatesReply } from "../../src/gateway/describe-rates.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { type Deployment, untilFolded } from "../harness/deployment.ts";
import { BENCH_MAP } from "../harness/event-source.ts";
import { runLoad } from "../harness/load-process.ts";
import type { EncodedRequest, LoadResult } from "../harness/load-tasks.ts";
import { coresText, servingProcesses, watchCores } from "../harness/process-cores.ts";
import { answeredPerSecond, percentilesSeries, refuseFailures } from "../harness/request-figures.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { scoreRequests } from "../harness/score-requests.ts";
import { warmNode } from "../harness/warm-node.ts";

const PLACEMENT = "bench";
/** What a placement of a page has to choose from. */
const CONTENTS = 24;
const REQUESTS = 20_000;
const SEED = 11;
/** Contents shown before anything is measured, so that there are rates. */
const SHOWN = 600;
const SHOWN_AT_ONCE = 16;
const HOUR_MS = 3_600_000;
const LOOK_MS = 100;

/** Contents chosen for users who are held, beside scores of the same users. */
export const content: Scenario = {
  name: "content",
  summary: "contents chosen for users: closed loop and in sequence, against scores of the same run",
  ownsNodes: false,
  async run(context) {
    const deployment = await context.deployment();
    const node = deployment.isOwned
      ? await deployment.startNode({ runtime: context.profiling("content") })
      : undefined;
    const events = await deployment.events();
    await warmNode(context, deployment, events);
    await events.close();
    context.progress("contents are put, shown and clicked");
    await fill(deployment);
    const [choices, scores] = [contentRequests(deployment), scoreRequests(deployment, "gateway")];
    const pids = servingProcesses(deployment, ...(node === undefined ? [] : [node.pid]));
    await closed(context, deployment, choices, context.options.inFlight); // Its code is compiled by then.
    const found = { choices: [] as LoadResult[], scores: [] as LoadResult[], sequence: [] as LoadResult[] };
    let cores = "";
    for (let round = 0; round < context.sizes.rounds; round++) {
      context.progress(`round ${round + 1}: scores, then contents`);
      found.scores.push(await closed(context, deployment, scores, context.options.inFlight));
      const used = await watchCores(pids);
      found.choices.push(await closed(context, deployment, choices, context.options.inFlight));
      cores = coresText({ ...(await used()), generator: found.choices.at(-1)?.cores ?? 0 });
      found.sequence.push(await closed(context, deployment, choices, 1));
    }
    await node?.stop();
    report(context, found, cores);
  },
};

function report(
  context: ScenarioContext,
  found: Readonly<Record<"choices" | "scores" | "sequence", readonly LoadResult[]>>,
  cores: string,
): void {
  const { inFlight } = context.options;
  const worst = Math.max(...found.choices.map(({ latency }) => latency.p99Ms));
  context.measured({
    metric: `contents, ${inFlight} in flight, of ${CONTENTS}`,
    unit: "requests/s",
    rounds: found.choices.map(answeredPerSecond),
    ceiling: { name: "scores of the same run", rounds: found.scores.map(answeredPerSecond) },
    goal: { ratio: { atLeast: 0.7 } },
    note: `p99 ${worst.toFixed(1)} ms at that load; ${cores}`,
  });
  context.measured({
    metric: "contents, p50 in sequence",
    unit: "ms",
    rounds: found.sequence.map(({ latency }) => latency.p50Ms),
  });
  const last = found.choices.at(-1);
  if (last !== undefined) context.series(percentilesSeries(`contents, ${inFlight} in flight`, last.latency));
}

async function closed(
  { sizes }: ScenarioContext,
  { url }: Deployment,
  requests: readonly EncodedRequest[],
  inFlight: number,
): Promise<LoadResult> {
  const { warmUpMs, durationMs } = sizes;
  const result = await runLoad({ kind: "closed", url, requests, inFlight, warmUpMs, durationMs });
  refuseFailures(result);
  return result;
}

function contentRequests({ prefix, users }: Pick<Deployment, "prefix" | "users">): EncodedRequest[] {
  const random = seededRandom(SEED);
  return Array.from({ length: REQUESTS }, () => {
    const user = users[Math.floor(random() * users.length)] ?? "";
    const data = encodeReply({ user, placement: PLACEMENT }, "application/json");
    return { subject: `${prefix}.v1.content`, data };
  });
}

/** Puts a catalogue, lets some of it be shown and clicked, and waits until rates are in force. */
async function fill({ client, users }: Deployment): Promise<void> {
  const items = Array.from({ length: CONTENTS }, (_, c) => ({ id: `content-${c}`, placements: [PLACEMENT] }));
  await client.ask("content.put", { placements: [{ name: PLACEMENT, map: BENCH_MAP }], items });
  await untilFolded(client);
  const random = seededRandom(SEED);
  let left = SHOWN;
  const show = async (): Promise<void> => {
    while (left > 0) {
      const serial = left--;
      const user = users[Math.floor(random() * users.length)] ?? "";
      const { content: chosen, decision } = (await client.ask("content", {
        user,
        placement: PLACEMENT,
      })) as ContentAnswer;
      if (chosen === null) throw new Error("nothing was chosen");
      // So long ago that no click is to come any more; the last ones are of now, and tell how late it is.
      const ts = Date.now() - (serial > SHOWN / 10 ? 2 * HOUR_MS : 0);
      const told = { id: `shown-${serial}`, user, type: "impression", ts, decision };
      const isClicked = random() < 0.1;
      const clicked = { ...told, id: `clicked-${serial}`, type: "click" };
      const { refused } = await ingest(client, isClicked ? [told, clicked] : [told], 30_000);
      if (refused.length > 0) throw new Error(`feedback was refused: ${JSON.stringify(refused[0])}`);
    }
  };
  await Promise.all(Array.from({ length: SHOWN_AT_ONCE }, show));
  for (;;) {
    const { version } = (await client.ask("content.rates", { segment: "" })) as RatesReply;
    const chosen = (await client.ask("content", { user: users[0], placement: PLACEMENT })) as ContentAnswer;
    if (version > 0 && chosen.versions.rates === version) return;
    await sleep(LOOK_MS);
  }
}
