import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { natsServerBinary } from "../src/adapters/nats-server.ts";
import type { NatsServerBinary } from "../src/adapters/nats-server-find.ts";
import { type NatsServerProcess, runNatsServer } from "../src/adapters/nats-server-run.ts";

/** A server of a test's own, on a free port and an empty folder. */
export type TestNats = Readonly<{
  url: string;
  version: string;
  /** Where it keeps its streams. */
  storeDir: string;
  /** Ends the server and starts it again on the same port and store; `pause` lies in between. */
  restart(pause?: () => Promise<void>): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}>;

/**
 * Starts a server; one is found or fetched unless given, so that tests run on a fresh machine.
 *
 * @param auth - File of users, permissions and TLS.
 */
export async function startNats(binary?: NatsServerBinary, auth?: string): Promise<TestNats> {
  const chosen = binary ?? (await natsServerBinary({ env: process.env, report: () => undefined }));
  const storeDir = await mkdtemp(join(tmpdir(), "resonance-nats-"));
  const run = (port?: number): Promise<NatsServerProcess> =>
    runNatsServer(chosen, {
      storeDir,
      sync: "interval",
      report: () => undefined,
      ...(port === undefined ? {} : { port }),
      ...(auth === undefined ? {} : { auth }),
    });
  let server = await run();
  return {
    url: server.url,
    version: server.version,
    storeDir,
    async restart(pause) {
      await server.stop();
      await pause?.();
      server = await run(server.port);
    },
    async stop() {
      await server.stop();
      await rm(storeDir, { recursive: true, force: true });
    },
  };
}
