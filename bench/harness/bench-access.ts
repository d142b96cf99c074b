import { type NatsAccess, type NatsIdentity, natsAccess } from "../../src/adapters/nats-access.ts";

/** The processes that make load inherit the environment: it tells them who connects, by names of files. */
const VARIABLE = "RESONANCE_BENCH_IDENTITY";

/** Takes note of who the bench is towards the servers that `--nats` names. */
export function setBenchIdentity(identity: NatsIdentity): void {
  process.env[VARIABLE] = JSON.stringify(identity);
}

/** Who the bench is; nobody towards a server that it has started itself. */
export function benchIdentity(): NatsIdentity {
  return JSON.parse(process.env[VARIABLE] ?? "{}") as NatsIdentity;
}

/** Servers, and who connects to them. */
export function benchAccess(urls: string): NatsAccess {
  return natsAccess(urls, benchIdentity());
}
