import type { Command } from "commander";
import { fromWireError } from "../../kernel/engine-error.ts";
import { decode, encode } from "../../kernel/msgpack.ts";
import type { TrainingResult } from "../../training-task.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";

const TRAINING_TIMEOUT_MS = 600_000;

/** `resonance train`: fits a new encoder from the members held and rolls it out. */
export function addTrainCommand(program: Command): void {
  withClientOptions(program.command("train"))
    .description("fit a new encoder from the members' histories and roll it out")
    .option("--hold", "prepare it and wait: see `resonance whatif`, then `resonance promote`", false)
    .action(
      runs(async (options: ClientOptions & { json: boolean; hold: boolean }) => {
        const client = await connectClient(options, "resonance train");
        try {
          const subject = client.subjects.profileActor("train");
          const reply = await client.bus.request(subject, encode({ hold: options.hold }), {
            timeoutMs: TRAINING_TIMEOUT_MS,
          });
          if (reply.error !== undefined) throw fromWireError(reply.error);
          const result = decode(reply.data) as TrainingResult;
          if (result.kind === "failed") throw fromWireError(result.error);
          print(options.json, result, () => [
            `encoder ${result.encoder} fitted from ${result.report.members} members; it serves once ${options.hold ? "it is promoted" : "its profiles are built"}`,
          ]);
        } finally {
          await client.close();
        }
      }),
    );
}
