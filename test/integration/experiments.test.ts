import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import { assign } from "../../src/experiments/assign.ts";
import { parseExperiment } from "../../src/experiments/parse-experiment.ts";
import type { ExperimentReportReply } from "../../src/gateway/experiments.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { startNats } from "../start-nats.ts";
import { jsonFile } from "./json-file.ts";
import { untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

const SHARDS = 2;
const HOUR_MS = 3_600_000;
const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const FANS = 640;

const SEGMENTS = { maps: [{ name: "taste", segments: ["jazz", "rock"] }] };
const CATALOGUE = {
  placements: [{ name: "home", map: "taste", floor: 0 }],
  items: [
    { id: "jazz-night", placements: ["home"] },
    { id: "rock-night", placements: ["home"] },
  ],
};
const HERO = {
  name: "hero",
  seed: "hero-1",
  placement: "home",
  arms: [
    { name: "control", policy: "popularity" },
    { name: "personal", policy: "greedy" },
  ],
  primary: { event: "click", measure: "converted", atPlacement: true },
  guardrails: [
    { event: "click", measure: "count", per: { event: "impression", measure: "count" }, harmMax: 0.2 },
  ],
  plannedUnits: 1_000,
};

test("an experiment on a running node finds that rock fans click more if they are shown rock, and counts each unit once", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-experiments-"));
  const data = join(folder, "node");
  const write = (name: string, value: unknown) => jsonFile(folder, name, value);
  const options = [
    ...["--nats", nats.url, "--data", data, "--shards", String(SHARDS)],
    ...["--segments", await write("segments.json", SEGMENTS)],
    ...["--content", await write("content.json", CATALOGUE), "--publish-every", "50", "--no-refit"],
  ];
  let node = await startNodeProcess(options);
  const client = await connectClient({ nats: nats.url, data, prefix: "resonance" }, "experiments test");
  const audience = new Audience(client);
  const resonance = async (...command: string[]): Promise<string> => {
    const given = [MAIN, "experiment", ...command, "--nats", nats.url, "--data", data];
    return (await promisify(execFile)(process.execPath, given)).stdout;
  };
  try {
    // What is clicked: jazz by the many, rock by the few.
    await audience.learn({ jazz: 40, rock: 16 });

    const file = await write("hero.json", HERO);
    expect(JSON.parse(await resonance("define", file, "--dry-run", "--json"))).toMatchObject({
      seed: "hero-1",
    });
    expect(await resonance("define", file)).toContain("hero runs at home: control, personal");
    await expect(client.ask("experiments.define", { ...HERO, alpha: 0.01 })).rejects.toMatchObject({
      code: "EXPERIMENT_EXISTS",
    });
    await untilFolded(client);

    const fans = Array.from({ length: FANS }, (_, i) => `fan-${i}`);
    await audience.identify(fans, "rock");
    await audience.visit(fans.slice(0, FANS / 2));
    await audience.untilUnits(FANS / 2);
    await node.kill();
    node = await startNodeProcess(options);
    await audience.visit(fans.slice(FANS / 2));
    await audience.visit(fans.slice(0, 100)); // They come again: their arm is the same, and they are no new units.
    // Everybody shows jazz fans jazz: they are in the experiment, but never part of what it compares.
    const others = Array.from({ length: 40 }, (_, i) => `other-${i}`);
    await audience.identify(others, "jazz");
    await audience.visit(others);

    const report = await audience.untilUnits(FANS);
    const parsed = parseExperiment(HERO, ["popularity", "greedy"]);
    if (parsed.kind === "refused") throw new Error(parsed.message);
    const arms = fans
      .map((fan) => assign(parsed.experiment, fan))
      .map((one) => one.kind === "arm" && one.arm);
    for (const [arm, name] of ["control", "personal"].entries()) {
      expect(report.arms[arm]).toMatchObject({ arm: name, units: arms.filter((one) => one === arm).length });
      const clicked = fans.filter((fan, i) => arms[i] === arm && audience.clicked.has(fan)).length;
      expect(report.primary.means[arm]).toMatchObject({ arm: name, converted: clicked });
    }
    expect(report.verdicts).toEqual([{ arm: "personal", kind: "ship", because: "better-and-safe" }]);
    expect(report.primary.lifts[0]?.interval.lower).toBeGreaterThan(0.2);
    expect(report.guardrails[0]?.states).toEqual([{ arm: "personal", state: "safe" }]);
    expect(report.sampleRatio.alarm).toBe(false);
    expect(report.overTime.length).toBeGreaterThan(1);
    expect(audience.armsOf).toEqual(new Set(["control:popularity:jazz-night", "personal:greedy:rock-night"]));

    const drawn = await resonance("report", "hero");
    expect(drawn).toContain("personal: ");
    expect(drawn).toContain("ship it");
    expect(drawn).toContain("lift of personal in click.converted");
    expect(await resonance("status")).toContain("personal: ship");

    expect(await resonance("stop", "hero")).toContain("hero is stopped");
    await untilFolded(client);
    expect((await audience.choose("fan-0")).experiment).toBeUndefined();
    await audience.visit(fans.slice(0, 50));
    await untilFolded(client);
    const after = (await client.ask("experiments.report", { experiment: "hero" })) as ExperimentReportReply;
    expect(after.primary.means).toEqual(report.primary.means);
    expect(after.stopped).toBeGreaterThan(after.started);

    expect(await node.stop()).toBe(0);
    for (const fan of fans.slice(0, 50)) expect(await exposuresOf(data, fan)).toBe(0); // It has ended: nothing is kept of it.
    for (const fan of fans.slice(200, 250)) expect(await exposuresOf(data, fan)).toBe(1);
  } finally {
    await node.kill();
    await client.close();
    await rm(folder, { recursive: true, force: true });
    await nats.stop();
  }
}, 180_000);

/** Experiments that a user's stored context is counted in. */
async function exposuresOf(data: string, user: string): Promise<number> {
  for (let shard = 0; shard < SHARDS; shard++) {
    const store = lmdbContextStore(join(data, "shards", String(shard)));
    const bytes = store.load(user);
    const size = bytes === undefined ? undefined : decodeContext(user, bytes).exposures.size;
    await store.close();
    if (size !== undefined) return size;
  }
  throw new Error(`nothing is held of ${user}`);
}

/** Those who visit, with a taste: who is shown what they like clicks more often. */
class Audience {
  readonly #client: Client;
  readonly #random = seededRandom(7);
  #serial = 0;
  readonly clicked = new Set<string>();
  /** Arm, policy and content of the answers that rock fans got. */
  readonly armsOf = new Set<string>();

  constructor(client: Client) {
    this.#client = client;
  }

  async identify(users: readonly string[], taste: string): Promise<void> {
    await this.#tell(users.map((user) => ({ user, type: "identify", ts: Date.now(), segments: { taste } })));
  }

  /** Lets members of each taste see and click what they like, long ago; returns once that is known to the shards. */
  async learn(members: Readonly<Record<string, number>>): Promise<void> {
    const pastMs = Date.now() - 2 * HOUR_MS;
    for (const [taste, count] of Object.entries(members)) {
      const users = Array.from({ length: count }, (_, i) => `${taste}-${i}`);
      await this.identify(users, taste);
      for (let round = 0; round < 8; round++) {
        const answers = await Promise.all(users.map((user) => this.choose(user)));
        const liked = answers.filter(({ content }) => content === `${taste}-night`);
        await this.#hear(answers, "impression", pastMs);
        await this.#hear(liked, "click", pastMs + 1_000);
      }
    }
    await this.#hear([await this.choose("jazz-0")], "impression", Date.now()); // So that the others' time-out has passed.
    await untilFolded(this.#client);
    for (let known = 0; known === 0; ) {
      const { content } = await this.choose("rock-0");
      const { versions } = await this.choose("jazz-0");
      known = content === "rock-night" ? versions.rates : 0;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Each is shown something, and clicks it or not. */
  async visit(users: readonly string[]): Promise<void> {
    for (let from = 0; from < users.length; from += 80) {
      const answers = await Promise.all(users.slice(from, from + 80).map((user) => this.choose(user)));
      for (const { user, content, experiment, arm } of answers)
        if (user.startsWith("fan") && experiment !== undefined)
          this.armsOf.add(`${experiment.arm}:${arm}:${content}`);
      await untilFolded(this.#client); // Nobody clicks before the page is there.
      const clicks = answers.filter(({ user, content }) => {
        const likes = user.startsWith("fan") === (content === "rock-night");
        return this.#random() < (likes ? 0.5 : 0.12);
      });
      await this.#hear(answers, "impression", Date.now());
      await this.#hear(clicks, "click", Date.now());
      for (const { user, experiment } of clicks) if (experiment !== undefined) this.clicked.add(user);
    }
    await untilFolded(this.#client);
  }

  async choose(user: string): Promise<ContentAnswer> {
    return (await this.#client.ask("content", { user, placement: "home" })) as ContentAnswer;
  }

  async untilUnits(units: number): Promise<ExperimentReportReply> {
    for (;;) {
      const report = (await this.#client.ask("experiments.report", {
        experiment: "hero",
      })) as ExperimentReportReply;
      expect(report.units).toBeLessThanOrEqual(units);
      const seen = report.guardrails[0]?.means.every(({ raw }) => raw !== null);
      if (report.units === units && seen && (await untilFolded(this.#client)).ready) return report;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  #hear(answers: readonly ContentAnswer[], type: string, ts: number): Promise<void> {
    return this.#tell(
      answers.map(({ user, decision, content }) => ({ user, type, ts, decision, item: content })),
    );
  }

  async #tell(events: readonly object[]): Promise<void> {
    if (events.length === 0) return;
    const numbered = events.map((event) => ({ id: `e${++this.#serial}`, ...event }));
    const { refused } = (await this.#client.ask("ingest", { events: numbered })) as IngestReply;
    expect(refused).toEqual([]);
  }
}
