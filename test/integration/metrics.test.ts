import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { CATALOGUE } from "../../src/metrics/catalogue.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { type ReadMetric, readExposition } from "../metrics/read-exposition.ts";
import { hasPromtool, promtool } from "../which-promtool.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";

const USER = "user-that-nobody-else-has";
const PATIENCE = { timeout: 10_000, interval: 200 };

await describeWithNats("the metrics of a node", (suite) => {
  let data: string;
  let node: NodeProcess;
  let client: Client;

  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), "resonance-metrics-"));
    const maps = join(data, "maps.json");
    await writeFile(maps, JSON.stringify({ maps: [{ name: "life", segments: ["new", "loyal"] }] }));
    node = await startNodeProcess([
      ...["--data", data, "--nats", suite().nats.url, "--prefix", "metrics", "--shards", "2", "--no-refit"],
      ...["--segments", maps, "--publish-every", "50", "--admin", "0"],
    ]);
    client = await connectClient({ nats: suite().nats.url, data, prefix: "metrics" }, "metrics test");
  });

  afterAll(async () => {
    await client?.close();
    await node?.stop();
    await rm(data, { recursive: true, force: true });
  });

  const scrape = async (): Promise<{ text: string; metrics: ReadonlyMap<string, ReadMetric> }> => {
    const reply = await fetch(`${(node.ready["admin"] as { url: string }).url}/metrics`);
    expect(reply.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const text = await reply.text();
    return { text, metrics: readExposition(text) };
  };
  /** The sum over all lines of a metric that have these labels. */
  const told = async (name: string, labels: Record<string, string> = {}) => {
    const { metrics } = await scrape();
    const base = metrics.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    return (metrics.get(base)?.samples ?? [])
      .filter(
        (one) =>
          one.name === name && Object.entries(labels).every(([label, value]) => one.labels[label] === value),
      )
      .reduce((sum, { value }) => sum + value, 0);
  };
  const event = (id: string, more: object = {}) => ({
    id,
    user: USER,
    type: "view",
    ts: Date.now(),
    ...more,
  });

  test("are what Prometheus reads, all that the catalogue names, and nothing that it does not", async () => {
    const { text, metrics } = await scrape();
    const own = [...metrics.keys()].filter((name) => name.startsWith("resonance_"));
    expect(own.sort()).toEqual(Object.keys(CATALOGUE).sort());
    for (const name of own)
      for (const { labels } of metrics.get(name)?.samples ?? []) {
        const { le: _, ...given } = labels;
        const named: readonly string[] = CATALOGUE[name as keyof typeof CATALOGUE].labels;
        expect(Object.keys(given).sort(), name).toEqual([...named].sort());
      }
    if (hasPromtool) expect(promtool(["check", "metrics"], text)).toMatchObject({ ok: true });
  });

  test("move with what is sent, refused, scored and published", async () => {
    const before = await told("resonance_ingest_accepted_total");
    await client.ask("ingest", { events: [event("e1"), event("e2"), event("e2"), event("")] });
    await client.ask("ingest", event("i1", { type: "identify", segments: { life: "new" } }));
    await client.ask("score", { user: USER });
    await expect(client.ask("score", { user: USER, map: "none-such" })).rejects.toThrow();
    expect((await told("resonance_ingest_accepted_total")) - before).toBe(4);
    expect(await told("resonance_ingest_refused_total", { code: "BAD_ID" })).toBe(1);
    const scored = { endpoint: "score" };
    expect(await told("resonance_gateway_requests_total", scored)).toBe(2);
    expect(await told("resonance_gateway_request_duration_seconds_count", scored)).toBe(2);
    expect(await told("resonance_gateway_request_duration_seconds_sum", scored)).toBeGreaterThan(0);
    expect(await told("resonance_gateway_errors_total", { ...scored, code: "UNKNOWN_MAP" })).toBe(1);

    const owner = { role: "owner" };
    const folded = () => told("resonance_shard_events_total", owner);
    await expect.poll(folded, PATIENCE).toBe(3);
    expect(await told("resonance_shard_duplicates_total", owner)).toBe(1);
    await expect.poll(() => told("resonance_shard_lag_messages", owner), PATIENCE).toBe(0);
    expect(await told("resonance_shard_resident_contexts", owner)).toBe(1);
    expect(await told("resonance_fold_entries_sum", owner)).toBeGreaterThanOrEqual(4);
    await expect.poll(() => told("resonance_commit_duration_seconds_count"), PATIENCE).toBeGreaterThan(0);
    await expect.poll(() => told("resonance_profile_version", { map: "life" }), PATIENCE).toBeGreaterThan(0);
    expect(await told("resonance_profile_members", { map: "life" })).toBe(1);
    expect(await told("resonance_profile_age_seconds", { map: "life" })).toBeLessThan(60);
  });

  test("tell an erasure until it is done, and how long it took", async () => {
    await client.ask("erase", { user: USER });
    await expect.poll(() => told("resonance_erasure_duration_seconds_count"), PATIENCE).toBe(1);
    await expect.poll(() => told("resonance_erasures_pending"), PATIENCE).toBe(0);
  });

  test("tell leases, connections and readiness", async () => {
    await expect.poll(() => told("resonance_ready"), PATIENCE).toBe(1);
    expect(await told("resonance_units", { role: "owner" })).toBe(3);
    expect(await told("resonance_units_unserved")).toBe(0);
    expect(await told("resonance_lease_held")).toBe(1);
    expect(await told("resonance_handovers_total", { direction: "taken" })).toBe(3);
    // The gateway's, the cluster's, two threads of shards and that of the profiles.
    expect(await told("resonance_nats_connected")).toBe(5);
    const reconnects = () => told("resonance_nats_reconnects_total");
    expect(await reconnects()).toBe(0);
    await suite().nats.restart();
    await expect.poll(reconnects, PATIENCE).toBe(5);
    await expect.poll(() => told("resonance_ready"), PATIENCE).toBe(1);
  });

  test("hold nothing of any user", async () => {
    expect((await scrape()).text).not.toContain(USER);
  });
});
