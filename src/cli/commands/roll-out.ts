import type { Command } from "commander";
import { ask } from "../../actors/ask.ts";
import type { PromoteReply, RollbackReply } from "../../profiles/profile-messages.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";

type Options = ClientOptions & Readonly<{ json: boolean }>;

/** Longer than an owner of the profile actor takes to publish to a log that is away for a moment. */
const PATIENCE_MS = 30_000;

/** `resonance promote`: lets an encoder that is held serve, or gives it up. */
export function addPromoteCommand(program: Command): void {
  withClientOptions(program.command("promote"))
    .description("put the encoder that `train --hold` has prepared in force")
    .option("--discard", "give it up instead", false)
    .action(
      runs(async (options: Options & { discard: boolean }) => {
        if (options.discard) {
          const reply = (await askProfiles(options, "discard")) as { encoder: string };
          print(options.json, reply, () => [`encoder ${reply.encoder} is given up`]);
          return;
        }
        const reply = (await askProfiles(options, "promote")) as PromoteReply;
        print(options.json, reply, () => [
          reply.inForce
            ? `encoder ${reply.encoder} is in force; \`resonance rollback\` takes it back`
            : `encoder ${reply.encoder} will be in force once its members are sampled: ${reply.prepared} of ${reply.shards} shards are through`,
        ]);
      }),
    );
}

/** `resonance rollback`: puts the encoder back that was in force before the last switch. */
export function addRollbackCommand(program: Command): void {
  withClientOptions(program.command("rollback"))
    .description("put the encoder back that was in force before the last switch, with its profiles")
    .action(
      runs(async (options: Options) => {
        const reply = (await askProfiles(options, "rollback")) as RollbackReply;
        print(options.json, reply, () => [
          reply.repeated
            ? `encoder ${reply.encoder} is in force already: ${reply.from} was taken back before`
            : `encoder ${reply.encoder} is in force again, ${reply.from} is not any more`,
        ]);
      }),
    );
}

async function askProfiles(options: ClientOptions, name: string): Promise<unknown> {
  const client = await connectClient(options, `resonance ${name}`);
  try {
    const subject = client.subjects.profileActor(name);
    return await ask(client.bus, subject, {}, PATIENCE_MS);
  } finally {
    await client.close();
  }
}
