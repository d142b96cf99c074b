import { expect, test } from "vitest";
import { natsKeptStream } from "../../src/adapters/nats-kept-stream.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { messages } from "./log-messages.ts";
import { describeWithNats } from "./with-nats.ts";

/** More than are read at once, whichever way. */
const COUNT = 3_000;
const ALL = Array.from({ length: COUNT }, (_, i) => i + 1);

await describeWithNats("a kept stream", (suite) => {
  test("is read whole, or it is told that it was not: also if the server restarts in between", async () => {
    const { nats, nc } = suite();
    const log = await NatsLog.over(nc);
    await log.ensure("KEPT");
    await log.append("KEPT", messages(COUNT));
    const stream = await natsKeptStream(nc, log, "KEPT");
    const read: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { sequence } of stream.messages()) {
        read.push(sequence);
        if (read.length === 1) await nats.restart();
      }
    };
    const failure: unknown = await reading().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (failure === undefined) expect(read).toEqual(ALL);
    else {
      expect(failure).toMatchObject({ code: "LOG_UNAVAILABLE", retryable: true });
      expect(read.length).toBeLessThan(COUNT);
    }
    read.length = 0;
    for await (const { sequence } of stream.messages()) read.push(sequence);
    expect(read).toEqual(ALL);
  });
});
