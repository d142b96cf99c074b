import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { natsServerBinary } from "../../src/adapters/nats-server.ts";
import { type NatsServerBinary, versionOf } from "../../src/adapters/nats-server-find.ts";

/** A kind of server that the contract suites run on; `skipped` says why it is not there. */
export type NatsUnderTest =
  | Readonly<{ title: string; binary: NatsServerBinary }>
  | Readonly<{ title: string; skipped: string }>;

const FETCH_TIMEOUT_MS = 60_000;
const run = promisify(execFile);

/** The server that this machine has, or fetches, and the newest one if the environment has a way to it. */
export async function natsUnderTest(): Promise<NatsUnderTest[]> {
  const usual = await natsServerBinary({ env: process.env, report: () => undefined });
  return [{ title: `NATS ${usual.version}`, binary: usual }, await newest(usual)];
}

async function newest(usual: NatsServerBinary): Promise<NatsUnderTest> {
  const title = "NATS, the newest";
  const path = process.env["RESONANCE_NEWEST_NATS"] ?? (await fetchNewest());
  if (path === undefined) {
    const skipped =
      "RESONANCE_NEWEST_NATS is not set, and ../shared/bin/newest-nats-server is not there or fails";
    return { title, skipped };
  }
  const version = await versionOf(path);
  if (version === usual.version) return { title, skipped: `it is the usual one, ${version}` };
  return { title: `NATS ${version}`, binary: { path, version, source: "env" } };
}

async function fetchNewest(): Promise<string | undefined> {
  const script = fileURLToPath(new URL("../../../shared/bin/newest-nats-server", import.meta.url));
  return run(script, [], { timeout: FETCH_TIMEOUT_MS }).then(
    ({ stdout }) => stdout.trim().split("\n").at(-1),
    () => undefined,
  );
}
