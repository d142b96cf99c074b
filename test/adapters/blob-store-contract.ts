import { expect, test } from "vitest";
import type { WatchableBlobs } from "../../src/adapters/watchable-blobs.ts";
import { bytesOf, textOf } from "./log-messages.ts";

/** What every store of blobs must do. */
export function blobStoreContract(blobs: () => WatchableBlobs): void {
  let names = 0;
  const aName = (): string => {
    names += 1;
    return `test-${names}`;
  };
  const read = async (key: string): Promise<string | undefined> => {
    const data = await blobs().get(key);
    return data === undefined ? undefined : textOf({ data });
  };

  test("what is put is got", async () => {
    const key = aName();
    await blobs().put(key, bytesOf("value"));
    expect(await read(key)).toBe("value");
  });

  test("a key that was never put holds nothing", async () => {
    expect(await blobs().get(aName())).toBeUndefined();
  });

  test("the last put counts", async () => {
    const key = aName();
    for (const text of ["first", "second", "third"]) await blobs().put(key, bytesOf(text));
    expect(await read(key)).toBe("third");
  });

  test("no bytes are a value too", async () => {
    const key = aName();
    await blobs().put(key, new Uint8Array());
    expect(await blobs().get(key)).toEqual(new Uint8Array());
  });

  test.each([1, 524_287, 524_288, 524_289, 1_500_000, 5_000_000])(
    "%i bytes come back as they were",
    async (size) => {
      const key = aName();
      const bytes = pattern(size);
      await blobs().put(key, bytes);
      expect(Buffer.compare((await blobs().get(key)) ?? new Uint8Array(), bytes)).toBe(0);
    },
  );

  test("a value may grow large and small again", async () => {
    const key = aName();
    for (const size of [10, 700_000, 900_000, 20]) {
      await blobs().put(key, pattern(size));
      expect((await blobs().get(key))?.byteLength).toBe(size);
    }
  });

  test("later changes of the caller's bytes do not reach the store", async () => {
    const key = aName();
    const bytes = bytesOf("before");
    await blobs().put(key, bytes);
    bytes.fill(0);
    expect(await read(key)).toBe("before");
  });

  test("keys are listed by prefix and sorted", async () => {
    const name = aName();
    for (const tail of [".b", ".a.2", ".a.1", ".ab", "-other"]) await blobs().put(name + tail, bytesOf("x"));
    const tails = async (prefix: string) => (await blobs().keys(prefix)).map((key) => key.slice(name.length));
    expect(await tails(name)).toEqual(["-other", ".a.1", ".a.2", ".ab", ".b"]);
    expect(await tails(`${name}.a`)).toEqual([".a.1", ".a.2", ".ab"]);
    expect(await tails(`${name}.a.`)).toEqual([".a.1", ".a.2"]);
    expect(await tails(`${name}.c`)).toEqual([]);
  });

  test.each(["", "a b", ".a", "a..b", "a.", "a/b", "a.*", "ä"])("the key '%s' is refused", async (key) => {
    await expect(blobs().put(key, bytesOf("x"))).rejects.toMatchObject({ code: "ASSERTION_FAILED" });
    await expect(blobs().get(key)).rejects.toMatchObject({ code: "ASSERTION_FAILED" });
  });

  test("writers of one key at the same moment leave one of their values", async () => {
    const key = aName();
    const values = [pattern(600_000), pattern(600_001), bytesOf("small")];
    await Promise.all(values.map((value) => blobs().put(key, value)));
    const held = await blobs().get(key);
    expect(values.map((value) => value.byteLength)).toContain(held?.byteLength);
  });

  test("a watcher is told what is held, then what changes, under its prefix only", async () => {
    const name = aName();
    await blobs().put(`${name}.a`, bytesOf("held"));
    const told: string[] = [];
    let wake = (): void => undefined;
    const watch = await blobs().watch(`${name}.`, (key, data) => {
      told.push(`${key.slice(name.length)} ${data.byteLength < 100 ? textOf({ data }) : data.byteLength}`);
      wake();
    });
    const until = async (count: number): Promise<void> => {
      while (told.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    };
    await until(1);
    await blobs().put(`${name}x`, bytesOf("elsewhere"));
    await blobs().put(`${name}.b`, bytesOf("new"));
    await until(2);
    await blobs().put(`${name}.a`, pattern(800_000));
    await until(3);
    expect(told).toEqual([".a held", ".b new", ".a 800000"]);
    await watch.close();
    await blobs().put(`${name}.c`, bytesOf("after"));
    expect(told).toHaveLength(3);
  });

  test("create writes once, whoever comes first", async () => {
    const key = `once-${Math.floor(performance.now() * 1_000)}`;
    expect(await blobs().create(key, bytesOf("first"))).toBe(true);
    expect(await blobs().create(key, pattern(700_000))).toBe(false);
    expect(textOf({ data: (await blobs().get(key)) ?? new Uint8Array() })).toBe("first");
    const raced = await Promise.all([1, 2, 3].map((n) => blobs().create(`${key}-raced`, bytesOf(`${n}`))));
    expect(raced.filter(Boolean)).toHaveLength(1);
  });

  test("what is removed is gone, and can be written again", async () => {
    await blobs().put("removed.small", bytesOf("x"));
    await blobs().put("removed.large", pattern(700_000));
    await blobs().remove("removed.small");
    await blobs().remove("removed.large");
    await blobs().remove("removed.never");
    expect(await blobs().get("removed.small")).toBeUndefined();
    expect(await blobs().keys("removed")).toEqual([]);
    expect(await blobs().create("removed.small", bytesOf("y"))).toBe(true);
  });
}

/** Bytes without a short period, so that misplaced chunks show. */
export function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++)
    bytes[index] = (index * 31 + (index >> 8) * 7 + (index >> 16)) & 255;
  return bytes;
}
