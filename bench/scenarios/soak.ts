import { untilFolded } from "../harness/deployment.ts";
import { whileIngesting } from "../harness/ingest-load.ts";
import type { LoadResult } from "../harness/load-tasks.ts";
import { memoryOf } from "../harness/process-memory.ts";
import { openLoopNote } from "../harness/request-figures.ts";
import type { Scenario } from "../harness/scenario.ts";
import { answeredWays, scoreRequests } from "../harness/score-requests.ts";
import { median } from "../harness/spread.ts";
import { warmNode } from "../harness/warm-node.ts";

/** Events are encoded for so long at a time, with a short pause in between. */
const LEG_MS = 10_000;
const FULL_MS = 120_000;
const MEBIBYTE = 2 ** 20;

/** The mixed load for long: what grows, and what gets slower. */
export const soak: Scenario = {
  name: "soak",
  summary:
    "events and scores at their rates for as long as --duration says, with memory and latency over time",
  ownsNodes: true,
  async run(context) {
    const { options, sizes } = context;
    const deployment = await context.deployment();
    const node = await deployment.startNode({ runtime: context.profiling("soak") });
    const events = await deployment.events();
    await warmNode(context, deployment, events);
    const [way] = await answeredWays(deployment, options.via, context.skip);
    if (way === undefined) return;
    const requests = scoreRequests(deployment, way.way);
    const totalMs = options.smoke ? sizes.durationMs : (options.durationMs ?? FULL_MS);
    const legs: { atSeconds: number; scores: LoadResult; lag: number; anonymousMiB: number }[] = [];
    const beganMs = performance.now();
    while (performance.now() - beganMs < totalMs) {
      const atSeconds = (performance.now() - beganMs) / 1_000;
      const durationMs = Math.min(LEG_MS, totalMs);
      const { ingest, beside } = await whileIngesting(
        deployment,
        events,
        { eventsPerSecond: options.rate, besideMs: durationMs },
        (load) =>
          load.run({
            kind: "open",
            url: deployment.url,
            requests,
            perSecond: options.scoreRate,
            warmUpMs: 0,
            durationMs,
          }),
      );
      await untilFolded(deployment.client);
      const held = await memoryOf(node.pid);
      const anonymousMiB = (held?.anonymousBytes ?? Number.NaN) / MEBIBYTE;
      legs.push({ atSeconds, scores: beside, lag: ingest.lag, anonymousMiB });
      context.progress(
        `${Math.round(atSeconds)} s: p99 ${beside.latency.p99Ms.toFixed(1)} ms, ${ingest.lag} messages behind, ${Math.round(anonymousMiB)} MiB`,
      );
    }
    await events.close();
    await node.stop();
    context.measured({
      metric: `p99 of scores at ${options.scoreRate}/s beside ${options.rate} events/s, by 10 s`,
      unit: "ms",
      rounds: legs.map(({ scores }) => scores.latency.p99Ms),
      note: openLoopNote(legs.map(({ scores }) => scores)),
    });
    context.measured({
      metric: "messages not folded at the end of each 10 s",
      unit: "messages",
      rounds: legs.map(({ lag }) => lag),
    });
    const third = Math.max(1, Math.floor(legs.length / 3));
    const memory = legs.map(({ anonymousMiB }) => anonymousMiB);
    context.measured({
      metric: "anonymous memory of the node, last third against the first",
      unit: "x",
      rounds: [median(memory.slice(-third)) / median(memory.slice(0, third))],
      note: "users who come for the first time are part of it",
    });
    const labels = { kind: "over-time", xLabel: "seconds" } as const;
    context.series({
      ...labels,
      name: "p99 of scores",
      yLabel: "ms",
      points: legs.flatMap(({ atSeconds, scores }) =>
        scores.bySecond.map(({ second, p99Ms }) => [atSeconds + second, p99Ms] as const),
      ),
    });
    context.series({
      ...labels,
      name: "anonymous memory",
      yLabel: "MiB",
      points: legs.map(({ atSeconds, anonymousMiB }) => [atSeconds, anonymousMiB] as const),
    });
  },
};
