/** For tests of programs that use the engine: memory twins of every adapter, and a shop with a known truth. */
export { memoryBlobStore } from "./adapters/memory-blob-store.ts";
export { memoryBus } from "./adapters/memory-bus.ts";
export { memoryContextStore } from "./adapters/memory-context-store.ts";
export { MemoryLog } from "./adapters/memory-log.ts";
export { memoryProfileStore } from "./adapters/memory-profile-store.ts";
export { type ShopOptions, type ShopSimulator, shopSimulator } from "./cli/shop/shop-simulator.ts";
export { toWire, type WireEvent } from "./cli/shop/wire-event.ts";
export { type Random, seededRandom } from "./kernel/random.ts";
