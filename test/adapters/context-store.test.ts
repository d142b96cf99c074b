import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { shardMeta } from "../shard-meta.ts";
import { contextStoreContract } from "./context-store-contract.ts";

describe("in memory", () => {
  contextStoreContract(async () => ({ store: memoryContextStore(), remove: async () => {} }));
});

describe("in LMDB", () => {
  const folder = () => mkdtemp(join(tmpdir(), "resonance-contexts-"));
  contextStoreContract(async () => {
    const path = await folder();
    return { store: lmdbContextStore(path), remove: () => rm(path, { recursive: true, force: true }) };
  });

  test("what was committed is there after the store is opened again", async () => {
    const path = await folder();
    const meta = shardMeta();
    const first = lmdbContextStore(path);
    await first.commit({
      contexts: [["ada", Uint8Array.of(1, 2)]],
      ring: [],
      authenticated: ["ada"],
      outbox: [],
      meta,
    });
    await first.close();
    const second = lmdbContextStore(path);
    expect([...(second.load("ada") ?? [])]).toEqual([1, 2]);
    expect(second.meta()).toEqual(meta);
    await second.close();
    await rm(path, { recursive: true, force: true });
  });

  test("an import that was not finished is gone when the store is opened again", async () => {
    const path = await folder();
    const first = lmdbContextStore(path);
    await first.import().put({
      contexts: [["ada", Uint8Array.of(1)]],
      ring: [{ user: "ada", slot: 0, bytes: Uint8Array.of(2) }],
      authenticated: ["ada"],
      outbox: [],
    });
    await first.close();
    const second = lmdbContextStore(path);
    expect([second.users(), second.loadRing("ada"), [...second.authenticated()]]).toEqual([0, [], []]);
    await second.close();
    await rm(path, { recursive: true, force: true });
  });

  test("a store waits with its closing for a snapshot under way, whose next read is refused", async () => {
    const path = await folder();
    const store = lmdbContextStore(path);
    await store.import().put({
      contexts: Array.from({ length: 100 }, (_, i) => [`user-${i}`, Uint8Array.of(i)] as const),
      ring: [],
      authenticated: [],
      outbox: [],
    });
    const snapshot = store.snapshot();
    const reading = snapshot.contexts()[Symbol.iterator]();
    reading.next();
    let isClosed = false;
    const closing = store.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    expect(() => reading.next()).toThrow("is being closed");
    expect(() => snapshot.load("user-1")).toThrow("is being closed");
    snapshot.close();
    await closing;
    await rm(path, { recursive: true, force: true });
  });

  test("an id that is no key refuses the whole commit", async () => {
    const path = await folder();
    const store = lmdbContextStore(path);
    const rows = { ring: [], authenticated: [], outbox: [] };
    const target = store.import();
    const contexts = ["ada", "x".repeat(600)].map((user) => [user, Uint8Array.of(1)] as const);
    await expect(target.put({ ...rows, contexts })).rejects.toThrow("id");
    await store.close();
    const again = lmdbContextStore(path);
    expect(again.users()).toBe(0);
    await again.close();
    await rm(path, { recursive: true, force: true });
  });
});
