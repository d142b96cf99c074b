import { connect, createServer, type Server, type Socket } from "node:net";

/** What becomes of bytes: they pass; or connections break and none is made; or nothing arrives and nobody is told. */
export type ProxyMode = "pass" | "refuse" | "swallow";

/** A wire between a client and a server that can be cut. */
export type TcpProxy = Readonly<{
  port: number;
  set(mode: ProxyMode): void;
  close(): Promise<void>;
}>;

/** Listens on a free port of this machine and passes everything on to another one. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const wires = new Set<readonly [Socket, Socket]>();
  let mode: ProxyMode = "pass";
  const server = createServer((near) => {
    near.on("error", () => {}); // Its end is told by "close".
    if (mode === "refuse") {
      near.destroy();
      return;
    }
    const far = connect({ host: "127.0.0.1", port: targetPort });
    far.on("error", () => {});
    const wire = [near, far] as const;
    wires.add(wire);
    const end = (): void => {
      wires.delete(wire);
      near.destroy();
      far.destroy();
    };
    for (const socket of wire) {
      socket.setNoDelay(true);
      socket.on("close", end);
    }
    forward(near, far);
    forward(far, near);
    if (mode === "swallow") hold(wire, true);
  });
  const port = await listening(server);
  return {
    port,
    set(next) {
      mode = next;
      for (const wire of [...wires]) {
        if (next === "refuse") for (const socket of wire) socket.destroy();
        else hold(wire, next === "swallow");
      }
    },
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const wire of [...wires]) for (const socket of wire) socket.destroy();
      await closed;
    },
  };
}

/** Unread bytes wait where they are: in the buffers of the sockets, and at their senders. */
function hold(wire: readonly [Socket, Socket], isHeld: boolean): void {
  for (const socket of wire) {
    if (isHeld) socket.pause();
    else socket.resume();
  }
}

function forward(from: Socket, to: Socket): void {
  from.on("data", (chunk: Buffer) => {
    if (to.write(chunk)) return;
    from.pause();
    to.once("drain", () => from.resume());
  });
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  return address.port;
}
