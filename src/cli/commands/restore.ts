import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { type NatsAccess, natsAccess } from "../../adapters/nats-access.ts";
import { startNatsServer } from "../../adapters/nats-server.ts";
import { filesOf, readBackupManifest } from "../../backup-manifest.ts";
import { type ErasedList, readErasedList } from "../../erased-users.ts";
import { type RestoreResult, restoreBackup } from "../../restore-backup.ts";
import { bytesProgress } from "../bytes-progress.ts";
import type { ClientOptions } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { HTTP_KEYS_FILE } from "../http-options.ts";
import { identityOf } from "../nats-options.ts";
import { note, print, runs } from "../output.ts";
import { passphraseOf } from "../passphrase.ts";
import { formatCount } from "../view/format-number.ts";
import { erasedBy } from "./backup.ts";

type Options = ClientOptions & Readonly<{ json: boolean; passphraseFile?: string; erased?: string }>;

const URL_SCHEME = /^(nats|tls):\/\//;

/** `resonance restore`: a deployment out of a backup. */
export function addRestoreCommand(program: Command): void {
  withClientOptions(program.command("restore").argument("<folder>", "folder of a backup"))
    .description("put a backup into a NATS that has nothing of its deployment")
    .option(
      "--passphrase-file <file>",
      "file of the passphrase (or in RESONANCE_BACKUP_PASSPHRASE), if the backup is sealed",
    )
    .option(
      "--erased <file|url>",
      "erase again whom the deployment has erased since: a list of `backup erased`, or the NATS where it still is",
    )
    .addHelpText(
      "after",
      "\nWithout --nats it is restored into the embedded server of the folder --data, where no node may run.",
    )
    .action(
      runs(async (folder: string, options: Options) => {
        const passphrase = await passphraseOf(options.passphraseFile);
        const manifest = await readBackupManifest(folder);
        const erased = options.erased === undefined ? undefined : await erasedIn(options.erased, options);
        const total = filesOf(manifest).reduce((sum, file) => sum + file.bytes, 0);
        const line = bytesProgress("restoring", options.json, total);
        const result = await withNats(options, (nats) =>
          restoreBackup(
            {
              nats,
              folder,
              passphrase,
              ...(erased === undefined ? {} : { erased }),
              httpKeysFile: join(options.data, HTTP_KEYS_FILE),
            },
            line.update,
          ),
        );
        if (!options.json) line.end();
        const { manifest: _, ...counts } = result;
        print(options.json, { ...counts, deployment: manifest.deployment, prefix: manifest.prefix }, () =>
          draw(result, options),
        );
      }),
    );
}

/** The server that is named; else one of the data folder's own, for as long as it takes. */
async function withNats<Result>(
  options: Options,
  act: (nats: NatsAccess) => Promise<Result>,
): Promise<Result> {
  await mkdir(options.data, { recursive: true });
  const identity = await identityOf(options);
  if (options.nats !== undefined) return act(natsAccess(options.nats, identity));
  const server = await startNatsServer({
    storeDir: join(options.data, "nats"),
    sync: "interval",
    report: options.json ? () => {} : note,
  });
  try {
    return await act(natsAccess(server.url));
  } finally {
    await server.stop();
  }
}

/** A list, read from a file or collected from where the deployment still is. */
function erasedIn(source: string, options: Options): Promise<ErasedList> {
  return URL_SCHEME.test(source) ? erasedBy({ ...options, nats: source }) : readErasedList(source);
}

function draw({ manifest, streams, messages, blobs, erasures }: RestoreResult, options: Options): string[] {
  const { prefix, deployment } = manifest;
  const where =
    options.nats === undefined ? "" : ` --nats ${options.nats.includes("@") ? "URL" : options.nats}`;
  return [
    `${formatCount(messages)} messages of ${streams} streams and ${formatCount(blobs)} blobs are restored and verified`,
    ...(erasures === 0 ? [] : [`${formatCount(erasures)} users are erased again once nodes run`]),
    `start nodes: resonance up${where} --data ${options.data} --prefix ${prefix} --shards ${deployment.shards}`,
  ];
}
