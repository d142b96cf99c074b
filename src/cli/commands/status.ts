import type { Command } from "commander";
import type { StatusReply } from "../../gateway/status.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { formatBytes, formatCount } from "../view/format-number.ts";
import { renderTable } from "../view/table.ts";

/** `resonance status`: who owns which shard, and how far each is. */
export function addStatusCommand(program: Command): void {
  withClientOptions(program.command("status"))
    .description("tell nodes, shards, owners and lag")
    .action(
      runs(async (options: ClientOptions & { json: boolean }) => {
        const client = await connectClient(options, "resonance status");
        try {
          const reply = (await client.ask("status", {})) as StatusReply;
          print(options.json, reply, () => draw(reply));
        } finally {
          await client.close();
        }
      }),
    );
}

function draw(reply: StatusReply): string[] {
  const rows = reply.shards.map((shard) =>
    shard.ready
      ? [
          String(shard.shard),
          shard.node,
          formatCount(shard.applied),
          formatCount(shard.lag),
          formatCount(shard.users),
          formatCount(shard.resident),
          formatCount(shard.duplicates),
          formatCount(shard.deadLetters),
        ]
      : [String(shard.shard), "no owner answers"],
  );
  const columns = ["shard", "owner", "applied", "lag", "users", "in memory", "repeats", "dead letters"];
  const refused = Object.entries(reply.gateway.refused).map(
    ([code, times]) => `${code} ${formatCount(times)}`,
  );
  return [
    `${reply.ready ? "ready" : "NOT READY"} · ${formatCount(reply.users)} users · ${formatCount(reply.events)} events folded · lag ${formatCount(reply.lag)} · memory ${formatBytes(reply.memoryBytes)}`,
    ...renderTable(
      columns.map((title, index) => ({ title, align: index === 1 ? "left" : "right" }) as const),
      rows,
      process.stdout.columns ?? 100,
    ),
    `this gateway: ${formatCount(reply.gateway.accepted)} accepted, refused ${refused.join(", ") || "none"}`,
  ];
}
