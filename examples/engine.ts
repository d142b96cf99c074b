// Where the engine is: RESONANCE_NATS_URL, or the node that runs on ./resonance-data.
import { readFileSync } from "node:fs";
import { connect, type NatsConnection } from "@nats-io/transport-node";

/** Connects to the engine's NATS. */
export async function connectEngine(name: string): Promise<NatsConnection> {
  return connect({ servers: engineUrl(), name });
}

/** The address of the engine's NATS. */
export function engineUrl(): string {
  const named = process.env["RESONANCE_NATS_URL"];
  if (named !== undefined) return named;
  const { nats } = JSON.parse(readFileSync("resonance-data/endpoint.json", "utf8")) as { nats: string };
  return nats;
}

/** Asks a public subject; an error of the engine is thrown with its code. */
export async function ask<Reply>(engine: NatsConnection, name: string, body: unknown): Promise<Reply> {
  const message = await engine.request(`resonance.v1.${name}`, JSON.stringify(body), { timeout: 10_000 });
  const code = message.headers?.get("Nats-Service-Error-Code");
  if (code) throw new Error(`${name}: ${message.string()}`);
  return message.json<Reply>();
}
