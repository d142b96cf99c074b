import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NodeProcess, startNodeProcess } from "../integration/node-process.ts";
import { startNats, type TestNats } from "../start-nats.ts";

/** Definitions with two maps, of which the second one is independent. */
export const DEFINITIONS = {
  maps: [
    { name: "taste", segments: ["jazz", "rock", "folk"] },
    {
      name: "intent",
      mode: "independent",
      segments: ["buyer", "reader"],
      threshold: { enter: 0.01, minEvidence: 0 },
    },
  ],
} as const;

/** A catalogue with one placement. */
export const CONTENT = {
  placements: [{ name: "home", map: "taste", timeout: "1m" }],
  items: [
    { id: "jazz-night", placements: ["home"] },
    { id: "rock-fest", placements: ["home"] },
  ],
} as const;

/** What `resonance types` writes of these. */
export type Maps = { readonly taste: "jazz" | "rock" | "folk"; readonly intent: "buyer" | "reader" };
export type Placements = { readonly home: "jazz-night" | "rock-fest" };

/** A node over a NATS server of a test's own. */
export type TestNode = Readonly<{
  nats: TestNats;
  folder: string;
  /** The node's data. */
  data: string;
  /** The one that was started last. */
  process(): NodeProcess;
  /** Starts the node again, after it was stopped or killed. */
  up(options?: readonly string[]): Promise<NodeProcess>;
  close(): Promise<void>;
}>;

/** Starts a node with two shards, definitions and contents. */
export async function aNode(options: readonly string[] = []): Promise<TestNode> {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-sdk-"));
  const data = join(folder, "node");
  const segments = join(folder, "segments.json");
  const content = join(folder, "content.json");
  await writeFile(segments, JSON.stringify(DEFINITIONS));
  await writeFile(content, JSON.stringify(CONTENT));
  const up = (more: readonly string[] = []): Promise<NodeProcess> =>
    startNodeProcess([
      ...["--nats", nats.url, "--data", data, "--segments", segments, "--content", content],
      ...["--shards", "2", "--threads", "1", "--no-refit", "--publish-every", "100"],
      ...options,
      ...more,
    ]);
  let process = await up();
  return {
    nats,
    folder,
    data,
    process: () => process,
    async up(more) {
      process = await up(more);
      return process;
    },
    async close() {
      await process.kill();
      await nats.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
