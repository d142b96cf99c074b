import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connectClient } from "../../src/cli/client.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { startNode } from "../../src/node.ts";
import { DEFAULT_NODE_OPTIONS } from "../../src/node-options.ts";
import { startNats } from "../start-nats.ts";
import {
  brokenRequest,
  type HostileRequest,
  hostileQuestion,
  hostileRandom,
  spoiledBatch,
} from "./hostile-inputs.ts";
import { untilFolded } from "./node-client.ts";

const INPUTS = 10_000;

test("10,000 hostile inputs are refused with documented codes, their good neighbours are stored, and the node lives", async () => {
  const nats = await startNats();
  const dataDir = await mkdtemp(join(tmpdir(), "resonance-hostile-"));
  const maps = [
    {
      name: "life",
      mode: "exclusive" as const,
      segments: [{ name: "a" }, { name: "b" }],
      window: { bucketMs: 86_400_000, buckets: 30 },
      threshold: { enter: 0.5, minEvidence: 1 },
    },
  ];
  const node = await startNode(
    { ...DEFAULT_NODE_OPTIONS, nats: nats.url, dataDir, shards: 2, maps, refit: null },
    () => {},
  );
  const client = await connectClient({ nats: nats.url, data: dataDir, prefix: "resonance" }, "hostile test");
  const ask = async (endpoint: string, { data, contentType }: HostileRequest) =>
    client.bus.request(client.subjects.api(endpoint), data, { timeoutMs: 10_000, contentType });
  const documented = await documentedCodes();
  const random = hostileRandom();
  const seen = new Map<string, number>();
  const note = (code: string): void => {
    expect(documented, `docs/errors.md documents ${code}`).toContain(code);
    seen.set(code, (seen.get(code) ?? 0) + 1);
  };
  try {
    let inputs = 0;
    let neighbours = 0;
    while (inputs < INPUTS) {
      const batch = spoiledBatch(random, 20);
      const reply = await ask("ingest", batch);
      expect(reply.error).toBeUndefined();
      const body = (
        batch.contentType === "application/msgpack"
          ? decode(reply.data)
          : JSON.parse(new TextDecoder().decode(reply.data))
      ) as IngestReply;
      expect(body.accepted).toBe(batch.neighbours);
      expect(body.refused.length).toBe(batch.events - batch.neighbours);
      for (const refusal of body.refused) note(refusal.code);
      neighbours += batch.neighbours;
      inputs += body.refused.length;
      for (const endpoint of ["ingest", "score", "explain"]) {
        const broken = await ask(endpoint, brokenRequest(random));
        if (broken.error === undefined) {
          // Random bytes may happen to be a plain value: an event of the wrong type, refused as one.
          const told = decodeEither(broken.data) as IngestReply;
          for (const refusal of told.refused) note(refusal.code);
        } else note(broken.error.code);
        inputs++;
      }
      for (let i = 0; i < 5; i++) {
        for (const endpoint of ["score", "explain"]) {
          const refused = await ask(endpoint, hostileQuestion(random));
          note(refused.error?.code ?? "accepted");
          inputs++;
        }
      }
    }
    const status = await untilFolded(client);
    expect(status.ready).toBe(true);
    expect(status.gateway.accepted).toBe(neighbours);
    expect(status.events).toBe(neighbours);
    expect(sumOf(status.gateway.refused) + sumOf(status.gateway.errors)).toBe(
      [...seen.values()].reduce((sum, n) => sum + n, 0),
    );
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    const scored = (await client.ask("score", { user: "user-1" })) as { known: boolean };
    expect(scored.known).toBe(true);
  } finally {
    await client.close();
    await node.stop();
    await rm(dataDir, { recursive: true, force: true });
    await nats.stop();
  }
}, 120_000);

function decodeEither(data: Uint8Array): unknown {
  return data[0] === 0x7b ? JSON.parse(new TextDecoder().decode(data)) : decode(data);
}

function sumOf(counts: Readonly<StatusReply["gateway"]["refused"]>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** The codes in the first column of docs/errors.md. */
async function documentedCodes(): Promise<readonly string[]> {
  const page = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
  return [...page.matchAll(/^\| `([A-Z_]+)`/gm)].map(([, code]) => code ?? "");
}
