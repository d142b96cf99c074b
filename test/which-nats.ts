import { natsUnderTest } from "./adapters/nats-binaries.ts";

/** Says which servers the tests that follow run on. */
for (const server of await natsUnderTest()) {
  const told = "skipped" in server ? `${server.title}: not tested, for ${server.skipped}` : server.title;
  process.stdout.write(`tests run on ${told}\n`);
}
