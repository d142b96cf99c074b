import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ask } from "../../src/actors/ask.ts";
import { connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import type { ContentAnswer } from "../../src/content/content-answer.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import type { ScoreAnswer } from "../../src/resonance/score-answer.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { untilFolded } from "./node-client.ts";

const SHARDS = 2;
const TASTES = ["jazz", "rock"];
const NEXT = {
  name: "next-encoder",
  placement: "home",
  arms: [
    { name: "in-force", policy: "greedy" },
    { name: "candidate", policy: "greedy", encoder: "candidate" },
  ],
  primary: { event: "click" },
};

await describeWithNats("an experiment between encoders", (suite) => {
  test("an arm scores by the encoder that is held, as it will once it serves, and its decisions are made again", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "resonance-arms-"));
    const nats = suite().nats.url;
    const given = { nats, dataDir, shards: SHARDS, publishEveryMs: 100, refit: null };
    const node = await startNode({ ...DEFAULT_NODE_OPTIONS, ...given }, () => {});
    const client = await connectClient({ nats, data: dataDir, prefix: "resonance" }, "encoder arms test");
    try {
      await client.ask("segments.put", { maps: [{ name: "taste", segments: TASTES }] });
      await client.ask("content.put", {
        placements: [{ name: "home", map: "taste" }],
        items: TASTES.map((id) => ({ id, placements: ["home"] })),
      });
      const random = seededRandom(3);
      let serial = 0;
      const startMs = Date.now() - 3_600_000;
      const views = (user: string, taste: string, count: number) =>
        Array.from({ length: count }, () => {
          const own = random() < 0.8 ? taste : TASTES[Math.floor(random() * 2)];
          const item = `${own}-record-${Math.floor(random() * 6)}`;
          return { id: `v${++serial}`, user, type: "view", ts: startMs + serial * 100, item };
        });
      const users = (name: string, count: number) =>
        Array.from({ length: count }, (_, i) => ({ user: `${name}-${i}`, taste: TASTES[i % 2]! }));
      const members = users("member", 160);
      const strangers = users("stranger", 80);
      for (const { user, taste } of members) {
        const identify = { id: `i-${user}`, user, type: "identify", ts: startMs, segments: { taste } };
        await ingest(client, [identify, ...views(user, taste, 8)]);
      }
      for (const { user, taste } of strangers) await ingest(client, views(user, taste, 5));
      await untilFolded(client);

      await expect(client.ask("experiments.define", NEXT)).rejects.toMatchObject({
        code: "NOTHING_TO_PROMOTE",
      });
      const trained = await node.train({ hold: true });
      const encoder = trained.kind === "fitted" ? trained.encoder : "";
      for (;;) {
        const { release } = (await client.ask("status", {})) as StatusReply;
        if (release?.rollOut?.prepared === SHARDS) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      await client.ask("experiments.define", NEXT);
      await untilFolded(client);

      const told = new Map<string, string | null>();
      for (const { user } of strangers) {
        const answer = (await client.ask("content", { user, placement: "home" })) as ContentAnswer;
        const { content } = (await client.ask("explain", { decision: answer.decision })) as {
          content: ContentAnswer;
        };
        expect(content).toEqual(answer);
        if (answer.experiment?.arm === "candidate") told.set(user, answer.segment);
      }
      expect(told.size).toBeGreaterThan(20);
      const right = strangers.filter(({ user, taste }) => told.get(user) === taste).length;
      expect(right / told.size).toBeGreaterThan(0.85);

      await client.ask("experiments.stop", { experiment: NEXT.name });
      await ask(client.bus, client.subjects.profileActor("promote"), {}, 20_000);
      for (;;) {
        const { versions } = (await client.ask("score", { user: "stranger-0" })) as ScoreAnswer;
        if (versions.encoder === encoder) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      for (const [user, segment] of told) {
        const { segments, none } = (await client.ask("score", { user })) as ScoreAnswer;
        const best = [...segments, { segment: null, probability: none }].sort(
          (a, b) => b.probability - a.probability,
        )[0];
        expect(best?.segment).toBe(segment);
      }
    } finally {
      await client.close();
      await node.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  }, 120_000);
});
