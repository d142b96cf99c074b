import { describe } from "vitest";
import { memoryKeyValue } from "../../src/adapters/memory-key-value.ts";
import { keyValueContract } from "./key-value-contract.ts";

describe("a table in memory", () => {
  keyValueContract(async () => ({ table: memoryKeyValue(), close: async () => {} }));
});
