import { createServer } from "node:net";
import { EngineError } from "../kernel/engine-error.ts";

/** A port that nothing listens on: the preferred one if it is free, so that clients find a server again. */
export async function freePort(preferred: number | undefined): Promise<number> {
  if (preferred !== undefined && (await bind(preferred)) !== undefined) return preferred;
  const port = await bind(0);
  if (port !== undefined) return port;
  const message = "no port of 127.0.0.1 is free";
  throw new EngineError({ code: "NATS_SERVER_FAILED", message, retryable: true });
}

/** The first of so many ports from one on that nothing listens on; any that is free if all of them are taken. */
export async function freePortFrom(first: number, count: number): Promise<number> {
  for (let port = first; port < first + count; port++) if ((await bind(port)) !== undefined) return port;
  return freePort(undefined);
}

async function bind(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(undefined));
    server.listen({ host: "127.0.0.1", port }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port : undefined));
    });
  });
}
