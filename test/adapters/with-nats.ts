import type { NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, test } from "vitest";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { startNats, type TestNats } from "../start-nats.ts";
import { natsUnderTest } from "./nats-binaries.ts";

/** A server of a suite and a connection to it. */
export type NatsSuite = Readonly<{ nats: TestNats; nc: NatsConnection }>;

/**
 * Runs a suite on each server that is there; one that is not is shown as skipped, with the reason.
 *
 * @param define - Declares the tests; what it is handed may be called from inside them only.
 */
export async function describeWithNats(
  title: string,
  define: (suite: () => NatsSuite) => void,
): Promise<void> {
  for (const server of await natsUnderTest()) {
    if ("skipped" in server) {
      test.skip(`${title} over ${server.title}: not tested, for ${server.skipped}`, () => undefined);
      continue;
    }
    describe(`${title} over ${server.title}`, () => {
      let suite: NatsSuite | undefined;
      beforeAll(async () => {
        const nats = await startNats(server.binary);
        suite = { nats, nc: await connectNats({ servers: [nats.url], name: title }) };
      });
      afterAll(async () => {
        await suite?.nc.close();
        await suite?.nats.stop();
      });
      define(() => {
        if (suite === undefined) throw new Error("called outside a test");
        return suite;
      });
    });
  }
}
