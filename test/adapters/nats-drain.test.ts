import { jetstreamManager } from "@nats-io/jetstream";
import { expect, test } from "vitest";
import { drainStream } from "../../src/adapters/nats-drain.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { messages } from "./log-messages.ts";
import { describeWithNats } from "./with-nats.ts";

await describeWithNats("a stream that is read to its end", (suite) => {
  test.each([
    ["the last ones", [8, 9, 10]],
    ["the first ones", [1, 2]],
    ["all", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
  ])("ends although %s are deleted after they were counted", async (name, gone) => {
    const { nc } = suite();
    const stream = `DRAINED_${gone.length}`;
    const log = await NatsLog.over(nc);
    await log.ensure(stream);
    await log.append(stream, messages(10, name));
    const jsm = await jetstreamManager(nc, { checkAPI: false });
    const add = jsm.consumers.add.bind(jsm.consumers);
    jsm.consumers.add = async (...given) => {
      const info = await add(...given);
      for (const sequence of gone) await jsm.streams.deleteMessage(stream, sequence, true);
      return info;
    };
    const read: number[] = [];
    for await (const group of drainStream(nc, jsm, stream)) for (const { seq } of group) read.push(seq);
    expect(read).toEqual(Array.from({ length: 10 }, (_, i) => i + 1).filter((seq) => !gone.includes(seq)));
  });
});
