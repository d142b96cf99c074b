import { EngineError } from "../kernel/engine-error.ts";
import type { Report } from "../kernel/report.ts";
import { fetchNatsServer } from "./nats-server-fetch.ts";
import { type FailedStep, findNatsServer, type NatsServerBinary } from "./nats-server-find.ts";
import { type NatsServerProcess, runNatsServer } from "./nats-server-run.ts";

/** An embedded server, and where its program was found. */
export type RunningNatsServer = NatsServerProcess & Pick<NatsServerBinary, "source">;

/** How to start an embedded server. */
export type StartOptions = Readonly<{
  /** Folder of the server's configuration, log and streams; made if missing. */
  storeDir: string;
  /** `always` puts each write on disk before it is acknowledged; `interval` every two minutes. */
  sync: "interval" | "always";
  report: Report;
  /** A free port if left out. */
  port?: number;
  /** The most that all streams may take on disk; three quarters of the free space if left out. */
  maxStoreBytes?: number;
  /** File of users, permissions and TLS that the configuration includes; the server reads it again when it changes. */
  auth?: string;
  env?: NodeJS.ProcessEnv;
}>;

/**
 * Finds a NATS server, or fetches one, and runs it as a child of this process on 127.0.0.1.
 *
 * A server that outlived its engine on the same folder (the engine was killed) is taken over as it runs.
 *
 * @throws EngineError `NATS_SERVER_UNAVAILABLE`, `NATS_SERVER_FAILED`, `NATS_STORE_IN_USE`, `NATS_SYNC_UNSUPPORTED`.
 */
export async function startNatsServer(options: StartOptions): Promise<RunningNatsServer> {
  const binary = await natsServerBinary({ env: options.env ?? process.env, report: options.report });
  const server = await runNatsServer(binary, options);
  return { ...server, source: binary.source };
}

/**
 * Finds a NATS server, or fetches one: the variable NATS_SERVER, PATH, the engine's cache, the pinned release, the
 * distribution's package.
 *
 * @throws EngineError `NATS_SERVER_UNAVAILABLE`, which names each way that was tried and why it failed.
 */
export async function natsServerBinary(
  options: Readonly<{ env: NodeJS.ProcessEnv; report: Report; releases?: string }>,
): Promise<NatsServerBinary> {
  const failed: FailedStep[] = [];
  const found = (await findNatsServer(options.env, failed)) ?? (await fetchNatsServer(options, failed));
  if (found !== undefined) return found;
  const tried = failed.map(({ step, reason }) => `  ${step}: ${reason}`).join("\n");
  const remedy =
    "install nats-server 2.9 or newer (https://nats.io/download), put it on PATH or name it in NATS_SERVER";
  throw new EngineError({
    code: "NATS_SERVER_UNAVAILABLE",
    message: `no NATS server was found or could be fetched:\n${tried}\nRemedy: ${remedy}, or pass the URL of a running one.`,
    retryable: false,
    detail: { tried: failed },
  });
}
