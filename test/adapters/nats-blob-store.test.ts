import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { Objm } from "@nats-io/obj";
import { beforeAll, expect, test, vi } from "vitest";
import { findBytes } from "../../bench/harness/find-bytes.ts";
import { natsBlobStore } from "../../src/adapters/nats-blob-store.ts";
import type { WatchableBlobs } from "../../src/adapters/watchable-blobs.ts";
import { blobStoreContract, pattern } from "./blob-store-contract.ts";
import { bytesOf, textOf } from "./log-messages.ts";
import { describeWithNats, type NatsSuite } from "./with-nats.ts";

const buckets = { releases: "test-releases", artefacts: "test-artefacts" };

await describeWithNats("blobs", (suite) => {
  let blobs: WatchableBlobs;
  beforeAll(async () => {
    blobs = await natsBlobStore(suite().nc, buckets);
  });

  blobStoreContract(() => blobs);

  test("another node opens the same buckets and reads the same values", async () => {
    await blobs.put("shared.small", bytesOf("small"));
    await blobs.put("shared.large", pattern(700_000));
    const others = await Promise.all([
      natsBlobStore(suite().nc, buckets),
      natsBlobStore(suite().nc, buckets),
    ]);
    for (const other of others) {
      expect(textOf({ data: (await other.get("shared.small")) ?? new Uint8Array() })).toBe("small");
      expect((await other.get("shared.large"))?.byteLength).toBe(700_000);
    }
  });

  test("a listing leaves no consumer behind", async () => {
    const own = await natsBlobStore(suite().nc, { releases: "list-releases", artefacts: "list-artefacts" });
    for (const key of ["a.1", "a.2", "b.1"]) await own.put(key, bytesOf(key));
    for (let i = 0; i < 5; i++) expect(await own.keys("a.")).toEqual(["a.1", "a.2"]);
    const { streams } = await jetstreamManager(suite().nc);
    await vi.waitFor(async () => {
      const { state } = await streams.info("KV_list-releases");
      expect(state.consumer_count).toBe(0);
    });
  });

  test("what is removed leaves nothing behind that a listing would have to read", async () => {
    const own = await natsBlobStore(suite().nc, { releases: "bare-releases", artefacts: "bare-artefacts" });
    for (let i = 0; i < 20; i++) await own.put(`k.${i}`, i % 4 === 0 ? pattern(600_000) : bytesOf("small"));
    for (let i = 0; i < 20; i++) await own.remove(`k.${i}`, i % 3 === 0 ? "unreadable" : "overwritten");
    expect(await own.keys("k.")).toEqual([]);
    const { streams } = await jetstreamManager(suite().nc);
    expect((await streams.info("KV_bare-releases")).state.messages).toBe(0);
    expect(await own.create("k.1", bytesOf("again"))).toBe(true);
    await own.put("k.2", bytesOf("again"));
    expect(await own.keys("k.")).toEqual(["k.1", "k.2"]);
  });

  test("removals that an earlier build has noted in the bucket are known", async () => {
    const own = await natsBlobStore(suite().nc, { releases: "noted-releases", artefacts: "noted-artefacts" });
    await own.put("gone", bytesOf("x"));
    await (await new Kvm(suite().nc).open("noted-releases")).purge("gone");
    expect(await own.get("gone")).toBeUndefined();
    expect(await own.keys("")).toEqual([]);
    expect(await own.create("gone", bytesOf("y"))).toBe(true);
    expect(await own.keys("")).toEqual(["gone"]);
  });

  test("of a value that is removed, or a large one that is replaced, no byte is left in the server's files", async () => {
    const own = await natsBlobStore(suite().nc, { releases: "gone-releases", artefacts: "gone-artefacts" });
    const words = ["gone-small", "gone-large", "gone-replaced"];
    const [small = "", large = "", replaced = ""] = words;
    // All over the value, so that each chunk of it holds the word.
    const full = (word: string, size: number) => Buffer.alloc(size, `${word} `);
    await own.put("s", full(small, 1_000));
    await own.put("l", full(large, 900_000));
    await own.put("r", full(replaced, 900_000));
    await own.put("kept", full("kept-word", 900_000));
    const found = () => [...findBytes(suite().nats.storeDir, [...words, "kept-word"]).keys()];
    await vi.waitFor(() => expect(found()).toHaveLength(4), { timeout: 10_000 }); // Written to the files by now.
    await own.remove("s");
    await own.remove("l");
    await own.put("r", bytesOf("now small"));
    await vi.waitFor(() => expect(found()).toEqual(["kept-word"]), { timeout: 10_000 });
    expect([await own.get("s"), await own.get("l")]).toEqual([undefined, undefined]);
    expect(await own.keys("")).toEqual(["kept", "r"]);
  });

  test("a value that nobody can read any more is removed without being overwritten", async () => {
    const own = await natsBlobStore(suite().nc, { releases: "left-releases", artefacts: "left-artefacts" });
    for (const [key, size] of [
      ["s", 1_000],
      ["l", 900_000],
    ] as const) {
      await own.put(key, pattern(size));
      await own.remove(key, "unreadable");
      expect(await own.get(key)).toBeUndefined();
    }
    expect(await own.keys("")).toEqual([]);
    expect(await objectNames(suite(), "left-artefacts")).toEqual([]);
  });

  test("replaced large values are removed", async () => {
    const own = await natsBlobStore(suite().nc, { releases: "tidy-releases", artefacts: "tidy-artefacts" });
    for (const size of [600_000, 700_000, 800_000]) await own.put("key", pattern(size));
    expect(await objectNames(suite(), "tidy-artefacts")).toHaveLength(1);
    await own.put("key", bytesOf("small"));
    expect(await objectNames(suite(), "tidy-artefacts")).toEqual([]);
  });

  test("a large value that is not what was stored is refused", async () => {
    await blobs.put("forged", pattern(600_000));
    const store = await new Objm(suite().nc).open(buckets.artefacts);
    const name = (await objectNames(suite(), buckets.artefacts)).find((object) =>
      object.startsWith("forged."),
    );
    await store.putBlob({ name: name ?? "" }, pattern(600_001));
    await expect(blobs.get("forged")).rejects.toMatchObject({ code: "BLOB_CORRUPT", retryable: false });
  });

  test("a large value that the server lost, or a piece of it, is told as damaged", async () => {
    const jsm = await jetstreamManager(suite().nc);
    const stream = `OBJ_${buckets.artefacts}`;
    await blobs.put("lost.piece", pattern(600_000));
    const { state } = await jsm.streams.info(stream);
    await jsm.streams.deleteMessage(stream, state.last_seq - 2, true); // The last message tells of the pieces.
    await expect(blobs.get("lost.piece")).rejects.toMatchObject({ code: "BLOB_CORRUPT" });

    await blobs.put("lost.whole", pattern(600_000));
    const store = await new Objm(suite().nc).open(buckets.artefacts);
    for (const name of await objectNames(suite(), buckets.artefacts))
      if (name.startsWith("lost.whole")) await store.delete(name);
    await expect(blobs.get("lost.whole")).rejects.toMatchObject({ code: "BLOB_CORRUPT" });
    await blobs.put("lost.whole", pattern(700_000));
    expect(await blobs.get("lost.whole")).toHaveLength(700_000);
  });

  test("a watch goes on after a restart of the server", async () => {
    const told: string[] = [];
    let wake = (): void => undefined;
    const watch = await blobs.watch("restart.", (key, data) => {
      told.push(`${key} ${textOf({ data })}`);
      wake();
    });
    await suite().nats.restart();
    const next = new Promise<void>((resolve) => {
      wake = resolve;
    });
    await suite()
      .nc.flush()
      .catch(() => suite().nc.flush());
    await blobs.put("restart.a", bytesOf("after"));
    await next;
    expect(told).toEqual(["restart.a after"]);
    await watch.close();
  });
});

async function objectNames({ nc }: NatsSuite, bucket: string): Promise<string[]> {
  const store = await new Objm(nc).open(bucket);
  return (await store.list()).filter((object) => !object.deleted).map((object) => object.name);
}
