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
    `${reply.ready && reply.readiness.ready ? "ready" : "NOT READY"} · ${formatCount(reply.users)} users · ${formatCount(reply.events)} events folded · lag ${formatCount(reply.lag)} · memory ${formatBytes(reply.memoryBytes)}`,
    ...reply.readiness.reasons.map(({ code, message }) => `${reply.node} is not ready: ${code}: ${message}`),
    ...renderTable(
      columns.map((title, index) => ({ title, align: index === 1 ? "left" : "right" }) as const),
      rows,
      process.stdout.columns ?? 100,
    ),
    ...drawRelease(reply),
    ...(reply.privacy ?? []).map(
      ({ map, epsilon, window, lifetime, refused, waiting }) =>
        `${map} is private: ${window.epsilon.toFixed(3)} of epsilon ${epsilon} spent in the newest window, ${lifetime.epsilon.toFixed(3)} ever · ${formatCount(refused)} buckets refused, ${formatCount(waiting)} wait for noise`,
    ),
    ...(reply.drift?.alerts ?? []).map(({ kind, of }) => `drift: ${kind} of ${of}: see \`resonance drift\``),
    drawConsent(reply),
    `programs: ${formatCount(reply.bots)} users found by shards, ${formatCount(reply.gateway.automated)} events named one here`,
    ...reply.gateway.refusing.map(
      ({ shard, lag }) =>
        `shard ${shard} takes no events here: it is ${formatCount(lag)} log messages behind`,
    ),
    `this gateway: ${formatCount(reply.gateway.accepted)} accepted, refused ${refused.join(", ") || "none"}`,
  ];
}

/** What was left out for want of consent, and where. */
function drawConsent({ consent, gateway }: StatusReply): string {
  const { policy, withheld, withdrawals, by } = consent;
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([why, count]) => `${formatCount(count)} ${why}`)
      .join(", ");
  const told = (counts: Readonly<Record<string, number>>): string =>
    Object.keys(counts).length === 0 ? "" : ` (${listed(counts)})`;
  const named = policy === 0 ? "the engine's own policy" : `policy v${policy}`;
  return `consent by ${named}: dropped here ${listed(gateway.dropped) || "nothing"}; withheld in shards ${formatCount(withheld)}${told(by.withheld)}, ${formatCount(withdrawals)} withdrawals${told(by.withdrawals)}`;
}

function drawRelease({ release, shards }: StatusReply): string[] {
  if (release === null) return ["encoder: the profile actor does not answer"];
  const { encoder, rollOut, previous, next } = release;
  const sampled = (kind: string): string => {
    const warmUps = shards.flatMap((shard) => (shard.ready ? shard.warmUps : []));
    const count = warmUps.reduce((sum, one) => sum + (one.kind === kind ? one.sampled : 0), 0);
    return `${formatCount(count)} members sampled`;
  };
  const lines = [`encoder ${encoder === "" ? "untrained" : encoder} is in force`];
  if (rollOut !== undefined) {
    const isReady = rollOut.prepared >= rollOut.shards;
    const then = rollOut.isHeld ? (isReady ? ", waits for `resonance promote`" : ", held") : "";
    lines.push(
      `encoder ${rollOut.encoder} is ${isReady ? "ready" : "warming up"}: ${rollOut.prepared} of ${rollOut.shards} shards, ${sampled("encoder")}${then}`,
    );
  }
  if (next !== undefined)
    lines.push(
      `segments v${next.version} are warming up: ${next.prepared} of ${next.shards} shards, ${sampled("segments")}`,
    );
  if (previous !== undefined)
    lines.push(
      `\`resonance rollback\` puts ${previous.encoder} back, until events of ${new Date(previous.untilMs).toISOString()}`,
    );
  return lines;
}
