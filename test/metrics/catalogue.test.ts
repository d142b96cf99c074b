import { expect, test } from "vitest";
import { exposition } from "../../src/adapters/prometheus.ts";
import { REQUEST_SECONDS } from "../../src/gateway/gateway-meter.ts";
import { BucketCounts } from "../../src/kernel/bucket-counts.ts";
import { CATALOGUE, type MetricKind, type MetricName } from "../../src/metrics/catalogue.ts";
import { Samples } from "../../src/metrics/samples.ts";
import { hasPromtool, promtool } from "../which-promtool.ts";
import { readExposition } from "./read-exposition.ts";

const KINDS = Object.entries(CATALOGUE) as [MetricName, MetricKind][];
/** What a label may name: parts of the deployment, of which there are few. */
const LABELS = [
  ...["endpoint", "code", "retryable", "purpose", "family", "reason", "direction", "connection"],
  ...["shard", "unit", "role", "thread", "kind", "map", "version", "node_version"],
];

test("names follow Prometheus' conventions", () => {
  for (const [name, { type, help, buckets }] of KINDS) {
    expect(name).toMatch(/^resonance_[a-z]+(_[a-z]+)*$/);
    expect(name.endsWith("_total"), name).toBe(type === "counter");
    expect(name, "the unit is a base unit").not.toMatch(/_(ms|milliseconds|minutes|percent|mib)(_|$)/);
    expect(help.length, name).toBeGreaterThan(5);
    expect(help.endsWith("."), name).toBe(false);
    expect(buckets !== undefined, name).toBe(type === "histogram");
  }
});

test("no label is of a user, and each is of something that there are few of", () => {
  for (const [name, { labels }] of KINDS)
    for (const label of labels) expect(LABELS, `${label} of ${name}`).toContain(label);
});

test("what a node tells is Prometheus' text format, with HELP and TYPE of every metric", async () => {
  const durations = new BucketCounts(REQUEST_SECONDS);
  for (const value of [0.05, 0.1, 0.5, 7]) durations.observe(value);
  const { text, contentType } = exposition(async () => {
    const samples = new Samples();
    samples.add("resonance_ready", true);
    samples.add("resonance_shard_lag_messages", 3, { shard: 0, role: "owner" });
    samples.add("resonance_shard_lag_messages", undefined, { shard: 1, role: "owner" });
    samples.add("resonance_ingest_refused_total", 2, { code: 'a "quoted" \\ one' });
    samples.addBuckets("resonance_gateway_request_duration_seconds", durations.figures(), {
      endpoint: "score",
    });
    return samples;
  });
  expect(contentType).toContain("text/plain; version=0.0.4");
  expect(() => readExposition(`${contentType}\n`)).toThrow("before its TYPE");
  const told = await text();
  if (hasPromtool) expect(promtool(["check", "metrics"], told)).toEqual({ ok: true, said: "" });
  const metrics = readExposition(told);
  for (const [name, { type, help }] of KINDS) expect(metrics.get(name)).toMatchObject({ type, help });
  expect(metrics.get("resonance_ready")?.samples).toMatchObject([{ value: 1, labels: {} }]);
  expect(metrics.get("resonance_shard_lag_messages")?.samples).toMatchObject([
    { value: 3, labels: { shard: "0", role: "owner" } },
  ]);
  expect(metrics.get("process_cpu_seconds_total")?.type).toBe("counter");
});

test("the reader refuses what Prometheus would", () => {
  const refused = {
    "# HELP a b\na 1\n": "before its TYPE",
    "# HELP a b\n# TYPE a counter\na{x=1} 1\n": "no value",
    "# HELP a b\n# TYPE a counter\na 1\na 2\n": "twice",
    "# HELP a b\n# TYPE a counter\nb 1\n": "another metric",
    "# HELP a b\n# TYPE a numbers\n": "no such type",
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n':
      "no histogram",
    '# HELP a b\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n': "no histogram",
    "# HELP a b\n# TYPE a counter\na 1": "does not end",
  };
  for (const [text, why] of Object.entries(refused)) expect(() => readExposition(text), text).toThrow(why);
});
