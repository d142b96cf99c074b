import { describe } from "vitest";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { busContract } from "./bus-contract.ts";

describe("a bus in memory", () => {
  const bus = memoryBus();
  busContract(() => bus);
});
