import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { EngineError } from "../../kernel/engine-error.ts";
import type { Report } from "../../kernel/report.ts";
import { type RunningNode, startNode } from "../../node.ts";
import { ENDPOINT_FILE } from "../client.ts";
import { type LogOptions, logOf, tellFailure, withLogOptions } from "../log-options.ts";
import { type NodeCommandOptions, nodeOptionsOf, withNodeOptions } from "../node-command-options.ts";
import { endOnUncaught, print, runs } from "../output.ts";
import { stopSignal } from "../stop-signal.ts";

type UpOptions = NodeCommandOptions & LogOptions & Readonly<{ json: boolean }>;

/** `resonance up`: a node, until it is told to stop. */
export function addUpCommand(program: Command): void {
  withLogOptions(withNodeOptions(program.command("up")))
    .description("run a node: gateway, shards and profiles, with an embedded NATS unless one is named")
    .option("--json", "print one JSON object once the node answers", false)
    .action(
      runs(
        async (options: UpOptions) => {
          const log = logOf(options);
          endOnUncaught((error, frames) => tellFailure(log, error, frames));
          const node = await startNode(await nodeOptionsOf(options), log);
          const stopped = stopSignal(); // Before it says that it is ready: who hears that may stop it at once.
          const endpoint = join(options.data, ENDPOINT_FILE);
          await writeFile(
            endpoint,
            `${JSON.stringify({ nats: node.natsUrl, prefix: options.prefix, pid: process.pid })}\n`,
          );
          const ready = {
            ready: true,
            nats: { url: node.natsUrl, ...node.nats },
            ...(node.httpUrl === undefined ? {} : { http: { url: node.httpUrl } }),
            ...(node.adminUrl === undefined ? {} : { admin: { url: node.adminUrl } }),
            data: options.data,
            pid: process.pid,
          };
          print(options.json, ready, () => [
            `ready at ${node.natsUrl} (nats-server ${node.nats.version}, ${node.nats.source})`,
            ...(node.httpUrl === undefined ? [] : [`HTTP at ${node.httpUrl}`]),
            ...(node.adminUrl === undefined ? [] : [`console at ${node.adminUrl}`]),
            `ask it: resonance status --data ${options.data}`,
          ]);
          const ended = await Promise.race([stopped, node.failed]);
          if (ended instanceof EngineError) throw await afterStop(node, ended, log);
          log("stopping: not ready for others, then every shard is handed over, or drains and commits", {
            event: "node.stopping",
            node: node.name,
          });
          await rm(endpoint, { force: true });
          await stopInTime(node, log);
          log("stopped", { event: "node.stopped", node: node.name });
        },
        (options) => (error, frames) => tellFailure(logOf(options), error, frames),
      ),
    );
}

/** Stops a node; one that hangs meanwhile is ended: what it did not commit is in the log. */
async function stopInTime(
  node: Pick<RunningNode, "name" | "stop" | "stopMsMax">,
  log: Report,
): Promise<void> {
  const overdue = setTimeout(() => {
    log(`the node has not stopped within ${node.stopMsMax / 1_000} s: it is ended`, {
      ...{ event: "node.stop-overdue", level: "error", node: node.name },
    });
    process.exit(1);
  }, node.stopMsMax);
  await node.stop();
  clearTimeout(overdue);
}

async function afterStop(
  node: Pick<RunningNode, "name" | "stop" | "stopMsMax">,
  failure: EngineError,
  log: Report,
): Promise<EngineError> {
  await stopInTime(node, log).catch(() => {}); // The failure that ended the node says more than what follows from it.
  return failure;
}
