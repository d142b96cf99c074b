import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import type { NatsServerBinary } from "../../src/adapters/nats-server-find.ts";
import { runNatsServer } from "../../src/adapters/nats-server-run.ts";
import { messages } from "./log-messages.ts";

/** Stands in for an engine, so that a test can end it: runs a server, stores, tells where, and waits for input to end. */
const [storeDir = "", binary = ""] = process.argv.slice(2);
const server = await runNatsServer(JSON.parse(binary) as NatsServerBinary, {
  storeDir,
  sync: "interval",
  report: () => undefined,
});
const nc = await connectNats({ servers: [server.url], name: "engine" });
const log = await NatsLog.over(nc);
await log.ensure("KEPT");
await log.append("KEPT", messages(10));
process.stdout.write(`${JSON.stringify({ pid: server.pid, url: server.url })}\n`);
for await (const _ of process.stdin);
process.exit(0);
