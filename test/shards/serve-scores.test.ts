import { describe } from "vitest";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { natsBus } from "../../src/adapters/nats-bus.ts";
import { describeWithNats } from "../adapters/with-nats.ts";
import { serveScoresContract } from "./serve-scores-contract.ts";

describe("scores over the bus in memory", () => {
  const bus = memoryBus();
  serveScoresContract(() => bus);
});

await describeWithNats("scores over NATS", (suite) => {
  serveScoresContract(() => natsBus(suite().nc));
});
