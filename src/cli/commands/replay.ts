import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import { type Client, type ClientOptions, connectClient } from "../client.ts";
import { positiveNumber, wholeNumber, withClientOptions } from "../client-options.ts";
import { note, print, runs } from "../output.ts";
import { type ReplayResult, replayFile } from "../replay/replay-file.ts";
import { ReplayState } from "../replay/replay-state.ts";
import { stopSignal } from "../stop-signal.ts";
import { progressLine } from "../view/progress-line.ts";

type Options = ClientOptions &
  Readonly<{
    json: boolean;
    speed?: number;
    batch: number;
    inFlight: number;
    probe: number;
    restart: boolean;
    wait: boolean;
  }>;

/** The part of `resonance.v1.status` that a replay reports. */
type Status = Readonly<{ lag: number; users: number; memoryBytes: number }>;

/** How a replay ended: what was sent, and what was left to fold. */
type Report = ReplayResult &
  Readonly<{ backlog: number; drainSeconds: number | null; users: number; memoryBytes: number }>;

/** `resonance replay FILE`: sends recorded events to a running engine. */
export function addReplayCommand(program: Command): void {
  withClientOptions(program.command("replay").argument("<file>", "JSON lines, gzip too"))
    .description("send a file of events to a running engine; goes on where an interrupted replay was")
    .option(
      "--speed <factor>",
      "event time by wall time, such as 60 (default: as fast as the log takes it)",
      positiveNumber,
    )
    .option("--batch <n>", "events a request", wholeNumber(1), 200)
    .option("--in-flight <n>", "requests under way at once", wholeNumber(1), 4)
    .option("--probe <n>", "scores asked a second meanwhile, to measure their latency", wholeNumber(0), 20)
    .option("--restart", "start at the first line, whatever was sent before", false)
    .option("--no-wait", "end when all is stored, without waiting until all is folded")
    .action(
      runs(async (path: string, options: Options) => {
        const client = await connectClient(options, "resonance replay");
        try {
          const report = await replay(client, path, options);
          print(options.json, report, () => draw(report));
        } finally {
          await client.close();
        }
      }),
    );
}

async function replay(client: Client, path: string, options: Options): Promise<Report> {
  const state = await ReplayState.open(
    options.data,
    path,
    `${client.url} ${options.prefix}`,
    options.restart,
  );
  if (state.line > 0) note(`going on after line ${state.line} (--restart starts anew)`);
  const stopping = new AbortController();
  void stopSignal().then(() => stopping.abort());
  const line = progressLine({ label: "replay", unit: "events", output: process.stderr, clock: systemClock });
  const result = await replayFile(
    client,
    {
      path,
      speed: options.speed ?? null,
      batch: options.batch,
      inFlight: options.inFlight,
      probesPerSecond: options.probe,
    },
    state,
    (now) => line.update(now.accepted, now.bytesTotal === null ? null : now.bytesRead / now.bytesTotal),
    stopping.signal,
  );
  line.end();
  const sent = (await client.ask("status", {})) as Status;
  const beganMs = systemClock.monotonicMs();
  let now = sent;
  while (options.wait && now.lag > 0 && !stopping.signal.aborted) {
    await sleep(100);
    now = (await client.ask("status", {})) as Status;
  }
  const drainSeconds = options.wait ? (systemClock.monotonicMs() - beganMs) / 1_000 : null;
  return { ...result, backlog: sent.lag, drainSeconds, users: now.users, memoryBytes: now.memoryBytes };
}

function draw(report: Report): string[] {
  const { p50, p99, count } = report.scoreLatencyMs;
  const refused = Object.entries(report.refused).map(([code, times]) => `${code} ${times}`);
  const drained = report.drainSeconds === null ? "" : `, folded ${report.drainSeconds.toFixed(1)} s later`;
  return [
    `${report.accepted} events stored in ${report.seconds.toFixed(1)} s: ${report.eventsPerSecond} a second, up to line ${report.lines}`,
    `refused: ${refused.length === 0 ? "none" : refused.join(", ")}`,
    `backlog at the end: ${report.backlog} messages${drained}`,
    `users: ${report.users} · memory of the node: ${(report.memoryBytes / 2 ** 20).toFixed(0)} MiB`,
    `score while it ran: p50 ${p50?.toFixed(1) ?? "-"} ms, p99 ${p99?.toFixed(1) ?? "-"} ms (${count} asked)`,
  ];
}
