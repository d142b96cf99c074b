import { mkdir } from "node:fs/promises";
import type { Command } from "commander";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { type ReshardResult, reshard } from "../../reshard.ts";
import { type ClientOptions, engineAccess } from "../client.ts";
import { wholeNumber, withClientOptions } from "../client-options.ts";
import { note, print, runs } from "../output.ts";
import { formatCount } from "../view/format-number.ts";

type Options = ClientOptions & { readonly json: boolean; shards: number; ring: number; plan: boolean };

/** `resonance reshard`: splits every shard in two, while no node runs. */
export function addReshardCommand(program: Command): void {
  withClientOptions(program.command("reshard"))
    .description("split every shard in two; stop all nodes first, and start them with the new number after")
    .requiredOption("--shards <n>", "twice the present number", wholeNumber(2))
    .option("--ring <n>", "newest events kept of a user", wholeNumber(1), DEFAULT_NODE_OPTIONS.ringEvents)
    .option("--plan", "only tell what would be done", false)
    .action(
      runs(async (options: Options) => {
        await mkdir(options.data, { recursive: true });
        const result = await reshard(
          {
            nats: await engineAccess(options),
            prefix: options.prefix,
            shards: options.shards,
            workDir: options.data,
            ringEvents: options.ring,
            planOnly: options.plan,
          },
          note,
        );
        print(options.json, result, () => draw(result));
      }),
    );
}

function draw({ from, to, done, shards }: ReshardResult): string[] {
  const entries = shards.reduce((sum, shard) => sum + shard.entries, 0);
  const users = shards.flatMap((shard) => shard.users ?? []).reduce((sum, count) => sum + count, 0);
  return done
    ? [
        `${from.shards} shards are ${to.shards} now, of ${formatCount(users)} users`,
        `start the nodes with --shards ${to.shards}`,
      ]
    : [`${from.shards} shards of ${formatCount(entries)} log entries would become ${to.shards}`];
}
