import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import logUpdate from "log-update";
import type { StatusReply } from "../../gateway/status.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { stopSignal } from "../stop-signal.ts";
import { clusterLines } from "../view/cluster-lines.ts";

type Options = ClientOptions & { readonly json: boolean; readonly watch: boolean };

const REFRESH_MS = 500;
const WIDTH = 100;

/** `resonance cluster`: nodes, owners and standbys, once or all the time. */
export function addClusterCommand(program: Command): void {
  withClientOptions(program.command("cluster"))
    .description("show nodes, and who owns and stands by what")
    .option("--watch", "go on showing it, until Ctrl-C", false)
    .action(
      runs(async (options: Options) => {
        const client = await connectClient(options, "resonance cluster");
        const ask = async (): Promise<StatusReply> => (await client.ask("status", {})) as StatusReply;
        const width = process.stdout.columns ?? WIDTH;
        try {
          if (!options.watch) {
            const reply = await ask();
            print(options.json, reply.cluster, () => clusterLines(reply, width));
            return;
          }
          let isStopped = false;
          const stopped = stopSignal().then(() => {
            isStopped = true;
          });
          while (!isStopped) {
            const reply = await ask();
            if (options.json) print(true, reply.cluster, () => []);
            else logUpdate(clusterLines(reply, width).join("\n"));
            await Promise.race([sleep(REFRESH_MS), stopped]);
          }
          if (!options.json) logUpdate.done();
        } finally {
          await client.close();
        }
      }),
    );
}
