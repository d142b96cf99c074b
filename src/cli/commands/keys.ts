import type { Command } from "commander";
import { deploymentKeys, rotateDeploymentKeys } from "../../adapters/deployment-keys.ts";
import { entropyBytes } from "../../adapters/entropy.ts";
import { natsBlobStore } from "../../adapters/nats-blob-store.ts";
import { connectNats } from "../../adapters/nats-connection.ts";
import type { WatchableBlobs } from "../../adapters/watchable-blobs.ts";
import { subjectsOf } from "../../events/subjects.ts";
import { type ClientOptions, engineAccess } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";

type Options = ClientOptions & { readonly json: boolean };

/** `resonance keys`: what the tokens of sessions are sealed with. Keys themselves are never shown. */
export function addKeysCommand(program: Command): void {
  const command = program
    .command("keys")
    .description("look at the keys that the tokens of sessions are sealed with, or replace them");
  withClientOptions(command.command("list"))
    .description("numbers of the keys that tokens are read with, the newest first")
    .action(
      runs(async (options: Options) =>
        withReleases(options, async (releases) => {
          const numbers = await numbersOf(releases);
          print(options.json, { keys: numbers }, () => [
            `tokens are read with the keys ${numbers.join(", ")}`,
          ]);
        }),
      ),
    );
  withClientOptions(command.command("rotate"))
    .description("seal new tokens with a new key; those of the two keys before are still read")
    .action(
      runs(async (options: Options) =>
        withReleases(options, async (releases) => {
          const made = await rotateDeploymentKeys(releases, entropyBytes);
          const numbers = await numbersOf(releases);
          print(options.json, { made, keys: numbers }, () => [
            `key ${made} seals new tokens; tokens are read with the keys ${numbers.join(", ")}`,
          ]);
        }),
      ),
    );
}

async function numbersOf(releases: WatchableBlobs): Promise<number[]> {
  const keys = await deploymentKeys(releases, entropyBytes);
  return keys.rotating("session-tokens").map(({ number }) => number);
}

async function withReleases(
  options: Options,
  act: (releases: WatchableBlobs) => Promise<void>,
): Promise<void> {
  const connection = await connectNats({ ...(await engineAccess(options)), name: "resonance keys" });
  try {
    await act(await natsBlobStore(connection, subjectsOf(options.prefix)));
  } finally {
    await connection.close();
  }
}
