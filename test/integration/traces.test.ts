import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { headers } from "@nats-io/transport-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithNats } from "../adapters/with-nats.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from "./otlp-receiver.ts";

const USER = "user-that-no-span-names";
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CALLER = "b7ad6b7169203331";
const PATIENCE = { timeout: 20_000, interval: 100 };

await describeWithNats("the traces of a node", (suite) => {
  let data: string;
  let receiver: OtlpReceiver;
  let node: NodeProcess;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "resonance-traces-"));
    const maps = join(data, "maps.json");
    await writeFile(maps, JSON.stringify({ maps: [{ name: "life", segments: ["new", "loyal"] }] }));
    receiver = await startOtlpReceiver();
    node = await startNodeProcess(
      [
        ...["--data", data, "--nats", suite().nats.url, "--prefix", "traces", "--shards", "1", "--no-refit"],
        ...["--segments", maps, "--publish-every", "50", "--name", "one"],
      ],
      {
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
          OTEL_SERVICE_NAME: "shop",
          OTEL_BSP_SCHEDULE_DELAY: "100",
        },
      },
    );
  });

  afterAll(async () => {
    await node?.stop();
    await receiver?.close();
    await rm(data, { recursive: true, force: true });
  });

  const ask = async (endpoint: string, body: unknown, traceparent?: string) => {
    const traced = headers();
    if (traceparent !== undefined) traced.set("traceparent", traceparent);
    const given = { headers: traced, timeout: 10_000 };
    const reply = await suite().nc.request(`traces.v1.${endpoint}`, JSON.stringify(body), given);
    return JSON.parse(reply.string()) as Record<string, unknown>;
  };
  const spans = (name: string, traceId?: string): ReceivedSpan[] =>
    receiver.spans.filter(
      (span) => span.name === name && (traceId === undefined || span.traceId === traceId),
    );
  const one = async (name: string, traceId?: string): Promise<ReceivedSpan> => {
    await expect.poll(() => spans(name, traceId).length, PATIENCE).toBeGreaterThan(0);
    return spans(name, traceId)[0] as ReceivedSpan;
  };

  test("one goes from its caller over the gateway and the log into the shard", async () => {
    const event = { id: "e1", user: USER, type: "view", ts: Date.now(), item: "sku" };
    await ask("ingest", event, `00-${TRACE}-${CALLER}-01`);
    const gateway = await one("resonance ingest", TRACE);
    expect(gateway.parentId).toBe(CALLER);
    expect(gateway.resource).toMatchObject({ "service.name": "shop", "service.instance.id": "one" });
    const append = await one("log append", TRACE);
    expect(append.parentId).toBe(gateway.spanId);
    const fold = await one("shard fold", TRACE);
    expect(fold.parentId).toBe(append.spanId);
    expect(fold.resource["thread.name"]).not.toBe(gateway.resource["thread.name"]);

    // The batch has entries of many traces: it is linked to them, and they to it.
    const batch = await one("shard fold batch");
    const linked = receiver.spans.find((span) => span.links.some(({ spanId }) => spanId === append.spanId));
    expect(linked?.name).toBe("shard fold batch");
    expect(fold.links).toEqual([{ traceId: linked?.traceId, spanId: linked?.spanId }]);
    const commit = await one("shard commit", linked?.traceId);
    expect(commit.parentId).toBe(linked?.spanId);
    expect(batch.attributes["resonance.shard"]).toBe(0);
  });

  test("a score's goes from the gateway into the shard", async () => {
    const trace = "1af7651916cd43dd8448eb211c80319d";
    expect(await ask("score", { user: USER }, `00-${trace}-${CALLER}-01`)).toMatchObject({ user: USER });
    const gateway = await one("resonance score", trace);
    expect((await one("shard score", trace)).parentId).toBe(gateway.spanId);
  });

  test("a caller who does not record is not recorded, and one who says nothing begins a trace", async () => {
    const trace = "2af7651916cd43dd8448eb211c80319e";
    await ask("score", { user: USER }, `00-${trace}-${CALLER}-00`);
    const before = spans("resonance score").length;
    await ask("score", { user: USER });
    await expect.poll(() => spans("resonance score").length, PATIENCE).toBe(before + 1);
    expect(receiver.spans.filter(({ traceId }) => traceId === trace)).toEqual([]);
    expect(spans("resonance score").at(-1)?.parentId).toBe("");
  });

  test("a failure is told by its code, and a publication of profiles has a trace of its own", async () => {
    await ask("score", { user: USER, map: "none-such" });
    const failed = () => receiver.spans.find((span) => span.attributes["error.type"] === "UNKNOWN_MAP")?.name;
    await expect.poll(failed, PATIENCE).toBe("resonance score");
    await ask("ingest", {
      id: "i1",
      user: USER,
      type: "identify",
      ts: Date.now(),
      segments: { life: "new" },
    });
    const published = await one("profile publish");
    expect(published.parentId).toBe("");
    expect(published.attributes["resonance.release"]).toEqual(expect.any(String));
  });

  test("nothing in them names a user, an event or what was sent", () => {
    expect(receiver.received().length).toBeGreaterThan(1_000);
    for (const secret of [USER, "sku", "none-such"])
      expect(receiver.received().includes(secret), secret).toBe(false);
  });
});
