import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { deploymentKeys } from "../../adapters/deployment-keys.ts";
import { entropyBytes } from "../../adapters/entropy.ts";
import { natsBlobStore } from "../../adapters/nats-blob-store.ts";
import { connectNats } from "../../adapters/nats-connection.ts";
import { NatsLog } from "../../adapters/nats-log.ts";
import { version } from "../../adapters/package-version.ts";
import { type BackupManifest, filesOf } from "../../backup-manifest.ts";
import { readDeployment } from "../../deployment.ts";
import { collectErased, type ErasedList } from "../../erased-users.ts";
import { subjectsOf } from "../../events/subjects.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { userHasher } from "../../privacy/user-hash.ts";
import { verifyBackup } from "../../restore-backup.ts";
import { writeBackup } from "../../write-backup.ts";
import { bytesProgress } from "../bytes-progress.ts";
import { type ClientOptions, engineAccess } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { HTTP_KEYS_FILE } from "../http-options.ts";
import { note, print, runs } from "../output.ts";
import { passphraseOf } from "../passphrase.ts";
import { formatBytes, formatCount, formatMoment } from "../view/format-number.ts";

type Options = ClientOptions &
  Readonly<{ json: boolean; passphraseFile?: string; withoutKeys: boolean; httpKeys?: string }>;

const PASSPHRASE = "file of the passphrase (or in RESONANCE_BACKUP_PASSPHRASE)";

/** `resonance backup`: a deployment as it is, in a folder. */
export function addBackupCommand(program: Command): void {
  const backup = withClientOptions(program.command("backup").argument("<folder>", "folder to make"))
    .description("copy a deployment that runs into a folder: logs, snapshots, releases")
    .option("--passphrase-file <file>", `${PASSPHRASE}: seals all of it`)
    .option("--without-keys", "seal nothing, and leave the deployment's keys out", false)
    .option("--http-keys <file>", `keys of the HTTP intake to keep (default: ${HTTP_KEYS_FILE} in --data)`)
    .addHelpText("after", "\nWith --auth, a node's part of the folder is needed: only nodes read logs.")
    .action(
      runs(async (folder: string, options: Options) => {
        const passphrase = options.withoutKeys ? undefined : await passphraseOf(options.passphraseFile);
        if (passphrase === undefined && !options.withoutKeys) throw undecided();
        const line = bytesProgress("backing up", options.json);
        const manifest = await writeBackup(
          {
            nats: await engineAccess(options),
            prefix: options.prefix,
            folder,
            passphrase,
            httpKeysFile: options.httpKeys ?? join(options.data, HTTP_KEYS_FILE),
            version: version(),
          },
          note,
          line.update,
        );
        if (!options.json) line.end();
        print(options.json, told(manifest), () => draw(folder, manifest));
      }),
    );
  backup
    .command("verify")
    .argument("<folder>", "folder of a backup")
    .description("read every byte of a backup, and compare it with its checksums")
    .option("--passphrase-file <file>", PASSPHRASE)
    .option("--json", "print one JSON object", false)
    .action(
      runs(async (folder: string, options: Pick<Options, "json" | "passphraseFile">) => {
        const passphrase = await passphraseOf(options.passphraseFile);
        const line = bytesProgress("verifying", options.json);
        const manifest = await verifyBackup(folder, passphrase, line.update);
        if (!options.json) line.end();
        print(options.json, told(manifest), () => draw(folder, manifest));
      }),
    );
  withClientOptions(backup.command("erased").argument("<file>", "file to write"))
    .description("write down whom the deployment has erased, as keyed hashes, for `restore --erased`")
    .action(
      runs(async (file: string, options: ClientOptions & { json: boolean }) => {
        const list = await erasedBy(options);
        await writeFile(file, `${JSON.stringify(list)}\n`, { mode: 0o600 });
        print(options.json, { erased: list.erased.length }, () => [
          `${formatCount(list.erased.length)} erased users in ${file}`,
        ]);
      }),
    );
}

/** Whom the deployment at an address has erased. */
export async function erasedBy(options: ClientOptions): Promise<ErasedList> {
  const connection = await connectNats({ ...(await engineAccess(options)), name: "resonance backup erased" });
  try {
    const releases = await natsBlobStore(connection, subjectsOf(options.prefix));
    const deployment = await readDeployment(releases);
    if (deployment === undefined) {
      const message = `there is no deployment under ${options.prefix} there: look at --nats and --prefix`;
      throw new EngineError({ code: "NO_DEPLOYMENT", message, retryable: false });
    }
    const keys = await deploymentKeys(releases, entropyBytes);
    const world = {
      log: await NatsLog.over(connection),
      releases,
      subjects: subjectsOf(options.prefix, deployment.generation),
      hashUser: userHasher(keys.lasting("erased-users")),
    };
    return await collectErased(world, deployment.shards);
  } finally {
    await connection.close();
  }
}

/** What of a manifest programs may want to know. */
function told(manifest: BackupManifest): Readonly<Record<string, unknown>> {
  const {
    id,
    madeMs,
    version: made,
    prefix,
    deployment,
    hasKeys,
    lock,
    streams,
    releases,
    snapshots,
  } = manifest;
  return {
    id,
    madeMs,
    version: made,
    prefix,
    deployment,
    hasKeys,
    sealed: lock !== undefined,
    bytes: filesOf(manifest).reduce((sum, file) => sum + file.bytes, 0),
    streams: streams.map(({ config, state }) => ({
      stream: config.name,
      messages: state.messages,
      first: state.first_seq,
      last: state.last_seq,
    })),
    blobs: releases.keys + snapshots.keys,
  };
}

function draw(folder: string, manifest: BackupManifest): string[] {
  const { deployment, streams, hasKeys, madeMs, releases, snapshots } = manifest;
  const messages = streams.reduce((sum, { state }) => sum + state.messages, 0);
  const bytes = filesOf(manifest).reduce((sum, file) => sum + file.bytes, 0);
  return [
    `${folder}: ${deployment.shards} shards as of ${formatMoment(madeMs)} UTC · ${formatCount(messages)} messages of ${streams.length} streams · ${formatCount(releases.keys + snapshots.keys)} blobs · ${formatBytes(bytes)}`,
    hasKeys
      ? "all of it is sealed with the passphrase; the deployment's keys are in it"
      : "nothing is sealed, and the deployment's keys are NOT in it: decisions and tokens from before can't be read after a restore, and erased users can't be found",
  ];
}

function undecided(): EngineError {
  const message =
    "say what is to become of the deployment's keys: --passphrase-file FILE seals the backup with them in it, --without-keys leaves them out";
  return new EngineError({ code: "OPTION_MISSING", message, retryable: false });
}
