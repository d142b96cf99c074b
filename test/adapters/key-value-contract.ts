import { afterEach, beforeEach, expect, test } from "vitest";
import type { KeyValue, KeyValueChange } from "../../src/actors/key-value.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);

/** What every {@link KeyValue} does. */
export function keyValueContract(open: () => Promise<{ table: KeyValue; close(): Promise<void> }>): void {
  let table: KeyValue;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ table, close } = await open());
  });
  afterEach(() => close());

  test("a key is made once, and changed by whoever knows its revision", async () => {
    expect(await table.get("a.b")).toBeUndefined();
    const first = await table.swap("a.b", bytes(1), 0);
    expect(first).toBeGreaterThan(0);
    expect(await table.swap("a.b", bytes(2), 0)).toBeUndefined();
    const second = await table.swap("a.b", bytes(3), first ?? 0);
    expect(second).toBeGreaterThan(first ?? 0);
    expect(await table.swap("a.b", bytes(4), first ?? 0)).toBeUndefined();
    const held = await table.get("a.b");
    expect([...(held?.value ?? [])]).toEqual([3]);
    expect(held?.revision).toBe(second);
  });

  test("of many writers at one revision, one wins", async () => {
    const first = (await table.swap("k", bytes(0), 0)) ?? 0;
    const won = await Promise.all(Array.from({ length: 8 }, (_, i) => table.swap("k", bytes(i + 1), first)));
    expect(won.filter((revision) => revision !== undefined)).toHaveLength(1);
  });

  test("a key is removed by whoever knows its revision, and can be made again", async () => {
    const first = (await table.swap("k", bytes(1), 0)) ?? 0;
    expect(await table.remove("k", first + 1_000)).toBe(false);
    expect(await table.remove("k", first)).toBe(true);
    expect(await table.get("k")).toBeUndefined();
    expect(await table.remove("k", first)).toBe(false);
    const again = await table.swap("k", bytes(2), 0);
    expect(again).toBeGreaterThan(first);
    expect([...((await table.get("k"))?.value ?? [])]).toEqual([2]);
  });

  test("entries are those of a prefix, sorted, without what was removed", async () => {
    expect(await table.entries("")).toEqual([]);
    for (const key of ["unit.b", "node.x", "unit.a", "unit.c"]) await table.swap(key, bytes(1), 0);
    const gone = await table.get("unit.c");
    await table.remove("unit.c", gone?.revision ?? 0);
    expect((await table.entries("unit.")).map(({ key }) => key)).toEqual(["unit.a", "unit.b"]);
    expect(await table.entries("")).toHaveLength(3);
  });

  test("a removal at no revision removes nothing", async () => {
    await table.swap("k", bytes(1), 0);
    expect(await table.remove("k", 0)).toBe(false);
    expect(await table.get("k")).toBeDefined();
  });

  test("entries hold every write that was answered before, the newest of each key", async () => {
    let revision = 0;
    for (let round = 1; round <= 30; round++) {
      revision = (await table.swap("k", bytes(round), revision)) ?? 0;
      await table.swap(`made.${round}`, bytes(round), 0);
      const held = await table.entries("");
      expect(held).toHaveLength(round + 1);
      expect(held.find(({ key }) => key === "k")?.revision).toBe(revision);
    }
  });

  test("a table of many keys is read whole, and a watch tells each", async () => {
    const keys = Array.from({ length: 400 }, (_, i) => `unit.shard-${1_000 + i}`);
    await Promise.all(keys.map((key) => table.swap(key, bytes(1), 0)));
    const gone = await table.get(keys[0] ?? "");
    await table.remove(keys[0] ?? "", gone?.revision ?? 0);
    expect((await table.entries("")).map(({ key }) => key)).toEqual(keys.slice(1));
    const told = new Set<string>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = await table.watch("unit.", ({ key }) => {
      if (told.add(key).size === 399) resolve();
    });
    await promise;
    await watch.close();
    expect(told.has(keys[0] ?? "")).toBe(false);
  });

  test("a watch that is closed tells nothing more", async () => {
    let told = 0;
    const watch = await table.watch("", () => told++);
    await watch.close();
    const toldBefore = told;
    await table.swap("k", bytes(1), 0);
    await table.entries("");
    expect(told).toBe(toldBefore);
  });

  test("a watch tells what is there, then each change", async () => {
    await table.swap("unit.a", bytes(1), 0);
    await table.swap("node.x", bytes(9), 0);
    const told: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = await table.watch("unit.", ({ key, value }: KeyValueChange) => {
      told.push(`${key}=${value === undefined ? "gone" : value[0]}`);
      if (told.length === 4) resolve();
    });
    const made = await table.swap("unit.b", bytes(2), 0);
    const changed = await table.swap("unit.b", bytes(3), made ?? 0);
    await table.remove("unit.b", changed ?? 0);
    await promise;
    await watch.close();
    expect(told).toEqual(["unit.a=1", "unit.b=2", "unit.b=3", "unit.b=gone"]);
  });
}
