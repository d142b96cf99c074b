import { CATALOGUE, type MetricKind } from "../../../src/metrics/catalogue.ts";

const HEAD = `# Metrics

\`GET /metrics\` of the admin listener (\`--admin\`) tells them in Prometheus' text format, to whoever reaches it: nothing in them is of any
user, and no label has more values than there are shards, maps, endpoints or codes. Each node tells of its own gateway and of the
copies that it has: sums over nodes are the cluster's, of copies those with \`role="owner"\`. A scrape asks each worker thread once; a thread that is
busy for longer than a second tells what it told last.

[deploy/prometheus/alerts.yml](../deploy/prometheus/alerts.yml) has alert rules over them, [deploy/grafana/resonance.json](../deploy/grafana/resonance.json) a dashboard;
[operations.md](operations.md) says what to do about each alert. Beside these there are those of the process (\`process_*\`, \`nodejs_*\`).
This page is written by \`npm run docs:reference\`.
`;

/** docs/metrics.md. */
export function metricsReference(): string {
  const rows = Object.entries(CATALOGUE).map(([name, kind]: [string, MetricKind]) => {
    const labels = kind.labels.map((label) => `\`${label}\``).join(", ") || "–";
    return `| \`${name}\` | ${kind.type} | ${labels} | ${kind.help} |`;
  });
  const buckets = Object.entries(CATALOGUE).flatMap(([name, kind]: [string, MetricKind]) =>
    kind.buckets === undefined ? [] : [`| \`${name}\` | ${kind.buckets.join(", ")} |`],
  );
  return [
    HEAD,
    "| metric | type | labels | what it tells |",
    "|---|---|---|---|",
    ...rows,
    "",
    "## Buckets",
    "",
    "| histogram | upper ends |",
    "|---|---|",
    ...buckets,
    "",
  ].join("\n");
}
