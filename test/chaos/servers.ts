import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { NatsServerBinary } from "../../src/adapters/nats-server-find.ts";
import { type NatsServerProcess, runNatsServer } from "../../src/adapters/nats-server-run.ts";
import { startNatsCluster, type TestNatsCluster } from "../start-nats-cluster.ts";
import type { ProcessGuard } from "./process-guard.ts";

/** The part of a test's cluster that a chaos run needs: a single server has it too. */
export type ChaosServers = Pick<
  TestNatsCluster,
  "urls" | "version" | "kill" | "pause" | "resume" | "restart" | "stop"
>;

/** Starts a cluster of servers, or one alone. */
export async function startServers(
  binary: NatsServerBinary,
  count: number,
  given: Readonly<{ folder: string; guard: ProcessGuard }>,
): Promise<ChaosServers> {
  return count === 1 ? startOneServer(binary, given) : startNatsCluster(binary, count);
}

async function startOneServer(
  binary: NatsServerBinary,
  { folder, guard }: Readonly<{ folder: string; guard: ProcessGuard }>,
): Promise<ChaosServers> {
  const storeDir = join(folder, "nats");
  await mkdir(storeDir, { recursive: true });
  const run = async (port?: number): Promise<NatsServerProcess> => {
    const options = { storeDir, sync: "interval", report: () => undefined } as const;
    const started = await runNatsServer(binary, { ...options, ...(port === undefined ? {} : { port }) });
    guard.add(started.pid);
    return started;
  };
  let server = await run();
  const signal = (name: NodeJS.Signals): void => {
    process.kill(server.pid, name);
  };
  return {
    urls: [server.url],
    version: server.version,
    async kill() {
      signal("SIGKILL");
      await server.exited;
      guard.remove(server.pid);
    },
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    async restart() {
      await server.stop();
      server = await run(server.port);
    },
    async stop() {
      await server.stop();
      guard.remove(server.pid);
    },
  };
}
