import { connect } from "node:net";

/** What a server says of itself before anybody has said anything, as far as it is of use here. */
export type ServerGreeting = Readonly<{
  tls_required?: boolean;
  /** Whether it wants a client's certificate. */
  tls_verify?: boolean;
}>;

const PATIENCE_MS = 2_000;

/** A server's greeting; undefined if there is none in time, or TLS comes before it. @param server - `host:port`. */
export function greetingOf(server: string): Promise<ServerGreeting | undefined> {
  const colon = server.lastIndexOf(":");
  const host = server.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(server.slice(colon + 1)) });
    let said = "";
    const end = (greeting: ServerGreeting | undefined): void => {
      socket.destroy();
      resolve(greeting);
    };
    socket.setTimeout(PATIENCE_MS, () => end(undefined));
    socket.on("error", () => end(undefined));
    socket.on("close", () => end(undefined));
    socket.on("data", (bytes) => {
      said += bytes.toString("latin1");
      if (said.includes("\r\n")) end(parsed(said));
    });
  });
}

function parsed(said: string): ServerGreeting | undefined {
  try {
    return JSON.parse(/^INFO (.*?)\r\n/.exec(said)?.[1] ?? "") as ServerGreeting;
  } catch {
    return undefined; // It is no NATS server.
  }
}
