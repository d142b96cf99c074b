import type { Deployment } from "../harness/deployment.ts";
import type { EventStream } from "../harness/event-source.ts";
import { addUsers, allResident } from "../harness/populate.ts";
import { coresText } from "../harness/process-cores.ts";
import type { Scenario, ScenarioContext } from "../harness/scenario.ts";
import { median } from "../harness/spread.ts";
import { type DrainRounds, drainRounds } from "./drain.ts";

const SEGMENTS = [8, 64, 256, 1_024] as const;
const THREADS = [1, 2, 4] as const;

/** Draining with more and more segments. */
export const growthSegments: Scenario = {
  name: "growth-segments",
  summary: "drain at 8, 64, 256 and 1,024 segments",
  ownsNodes: true,
  async run(context) {
    const growth = new Growth(context, "segments");
    for (const segments of context.options.smoke ? SEGMENTS.slice(0, 2) : SEGMENTS) {
      const deployment = await context.deployment({ segments });
      const events = await deployment.events();
      await growth.at(segments, deployment, events);
      await events.close();
      await deployment.shutDown();
    }
    growth.report();
  },
};

/** Draining with more and more users held. */
export const growthUsers: Scenario = {
  name: "growth-users",
  summary:
    "drain of events of 10,000, 100,000 and 1,000,000 users who are held, from a node that has just started",
  ownsNodes: true,
  async run(context) {
    const growth = new Growth(context, "users");
    const deployment = await context.deployment();
    const most = context.sizes.users;
    const resident = allResident(most, deployment.shards);
    for (const users of [most / 100, most / 10, most].map(Math.round)) {
      const events = deployment.newUsers(users, `growth-${users}-`);
      const node = await deployment.startNode({ options: resident });
      await addUsers(deployment, events, users, context.progress);
      await node.stop();
      await growth.at(users, deployment, events, resident);
      await events.close();
    }
    growth.report();
  },
};

/** Draining with more and more threads. */
export const growthThreads: Scenario = {
  name: "growth-threads",
  summary: "drain with 1, 2 and 4 worker threads",
  ownsNodes: true,
  async run(context) {
    const growth = new Growth(context, "threads");
    const deployment = await context.deployment();
    const events = await deployment.events();
    for (const threads of THREADS)
      await growth.at(threads, deployment, events, ["--threads", String(threads)]);
    await events.close();
    growth.report();
  },
};

/** Drains at several sizes of one thing, and how far the figure falls from the first to the last. */
class Growth {
  readonly #context: ScenarioContext;
  readonly #of: string;
  readonly #found: { size: number; rounds: DrainRounds }[] = [];

  constructor(context: ScenarioContext, of: string) {
    this.#context = context;
    this.#of = of;
  }

  async at(
    size: number,
    deployment: Deployment,
    events: EventStream,
    options: readonly string[] = [],
  ): Promise<void> {
    const context = this.#context;
    context.progress(`${size} ${this.#of}`);
    const { growthEvents, rounds } = context.sizes;
    const given = { events: growthEvents, rounds: Math.min(rounds, 2), nodeOptions: options };
    const found = await drainRounds(context, deployment, events, given);
    this.#found.push({ size, rounds: found });
    context.measured({
      metric: `drain at ${size} ${this.#of}`,
      unit: "events/s",
      rounds: found.whole,
      ceiling: { name: `bare consume (${found.way})`, rounds: found.ceilings },
      note: coresText(found.cores),
    });
  }

  report(): void {
    const points = this.#found.map(({ size, rounds }) => [size, median(rounds.whole)] as const);
    this.#context.series({
      name: `drain by ${this.#of}`,
      kind: "growth",
      xLabel: this.#of,
      yLabel: "events/s",
      points,
    });
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined || this.#of === "threads") return;
    this.#context.measured({
      metric: `fall of the drain from ${first[0]} to ${last[0]} ${this.#of}`,
      unit: "x",
      rounds: [first[1] / last[1]],
      goal: { value: { atMost: 2 } },
    });
  }
}
