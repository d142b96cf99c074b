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
