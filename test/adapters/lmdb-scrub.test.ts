import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findBytes } from "../../bench/harness/find-bytes.ts";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { brokenPageOf, newestMeta, readMetas, withFile } from "../../src/adapters/lmdb-pages.ts";
import { type Residues, residuesOf } from "../../src/adapters/lmdb-scrub.ts";
import { writeJournal } from "../../src/adapters/lmdb-scrub-journal.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { shardMeta } from "../shard-meta.ts";

const PAGE_BYTES = 4_096;
const USERS = 400;
const users = Array.from({ length: USERS }, (_, i) => `visitor-${hash32(`salt ${i}`).toString(36)}-${i}`);
const erased = users.filter((_, i) => i % 19 === 7);
const NO_ROWS = { contexts: [], ring: [], authenticated: [], outbox: [], meta: shardMeta() };

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "resonance-scrub-"));
});
afterEach(() => rm(path, { recursive: true, force: true }));

test("a scrubbing that a crash cuts off anywhere leaves a store that holds all that it held, and is scrubbed by the next one", async () => {
  const { transaction, residues, rows } = await aStoreWithResidues();
  expect(residues.split.length, "keys of erased users split the trees").toBeGreaterThan(0);
  expect(residues.unread.length).toBeGreaterThan(10);
  const writes = [...residues.unread, ...residues.split];
  const random = seededRandom(3);
  for (let round = 0; round < 12; round++) {
    const place = join(path, `crash-${round}`);
    mkdirSync(place);
    const file = readFileSync(join(path, "data.mdb"));
    // Some writes have come to the disk, in no order; of some the first bytes.
    for (const { position, bytes } of writes) {
      const length = [0, bytes.length, Math.floor(random() * bytes.length)][Math.floor(random() * 3)] ?? 0;
      file.set(bytes.subarray(0, length), position);
    }
    // Of a page that was being written the disk may have nothing that can be read.
    const torn = residues.split[round % residues.split.length]?.position ?? 0;
    file.fill(0xff, torn + PAGE_BYTES / 2, torn + PAGE_BYTES);
    writeFileSync(join(place, "data.mdb"), file);
    await writeJournal(place, { transaction, pages: residues.split });
    const store = lmdbContextStore(place);
    expect(brokenPageOf(join(place, "data.mdb"))).toBeUndefined();
    expect(rowsOf(store)).toEqual(rows);
    await store.scrub();
    expect([...findBytes(place, erased)]).toEqual([]);
    expect(rowsOf(store)).toEqual(rows);
    await store.close();
  }
}, 120_000);

test("a journal of another transaction than the last one, or half of one, changes nothing", async () => {
  const { transaction, residues, rows } = await aStoreWithResidues();
  const place = join(path, "again");
  mkdirSync(place);
  copyFileSync(join(path, "data.mdb"), join(place, "data.mdb"));
  const pages = residues.split.map(({ position }) => ({ position, bytes: new Uint8Array(PAGE_BYTES) }));
  await writeJournal(place, { transaction: transaction - 1, pages });
  let store = lmdbContextStore(place);
  expect(rowsOf(store)).toEqual(rows);
  await store.close();
  const journal = join(place, "scrub.journal");
  await writeJournal(place, { transaction, pages });
  writeFileSync(journal, readFileSync(journal).subarray(0, 100));
  store = lmdbContextStore(place);
  expect(rowsOf(store)).toEqual(rows);
  await store.close();
}, 60_000);

test("rows come and go in a scrubbed store as in any other", async () => {
  const store = lmdbContextStore(path);
  const random = seededRandom(5);
  const held = new Map<string, string>();
  for (let round = 0; round < 40; round++) {
    const put = users.filter(() => random() < 0.2);
    const gone = users.filter((user) => !put.includes(user) && random() < 0.15);
    const contexts = put.map(
      (user) => [user, payloadOf(user, 50 + Math.floor(random() ** 3 * 6_000))] as const,
    );
    await store.commit({ ...NO_ROWS, contexts, authenticated: put, erased: gone });
    for (const user of gone) held.delete(user);
    for (const [user, bytes] of contexts) held.set(user, Buffer.from(bytes).toString("latin1"));
    if (round % 2 === 0) await store.scrub();
  }
  const found = [...store.contexts()].map(([user, bytes]) => [user, Buffer.from(bytes).toString("latin1")]);
  expect(new Map(found as [string, string][])).toEqual(held);
  for (const [user] of held) expect(store.load(user)).toBeDefined();
  await store.close();
  expect(brokenPageOf(join(path, "data.mdb"))).toBeUndefined();
}, 120_000);

test("pages of a view that is still read stay until it is closed", async () => {
  const store = lmdbContextStore(path);
  const contexts = users.map((user) => [user, payloadOf(user, 900)] as const);
  await store.commit({ ...NO_ROWS, contexts });
  const view = store.snapshot();
  await store.commit({ ...NO_ROWS, erased });
  let isScrubbed = false;
  const scrubbed = store.scrub().then(() => {
    isScrubbed = true;
  });
  await store.commit({ ...NO_ROWS, authenticated: ["ada"] }); // Nothing waits for the view but the scrubbing.
  expect([...view.contexts()]).toHaveLength(USERS);
  expect(isScrubbed).toBe(false);
  view.close();
  await scrubbed;
  expect([...findBytes(path, erased)]).toEqual([]);
  expect([...store.contexts()]).toHaveLength(USERS - erased.length);
  await store.close();
});

/** A closed store from which users were removed, and what there is to overwrite in it. */
async function aStoreWithResidues() {
  const store = lmdbContextStore(path);
  const random = seededRandom(11);
  for (let round = 0; round < 8; round++) {
    const batch = round === 0 ? users : users.filter(() => random() < 0.2);
    const ring = batch.map((user) => ({ user, slot: round, bytes: payloadOf(user, 300) }));
    const contexts = batch.map(
      (user) => [user, payloadOf(user, 200 + Math.floor(random() ** 4 * 9_000))] as const,
    );
    await store.commit({ ...NO_ROWS, contexts, ring, authenticated: batch });
  }
  await store.commit({ ...NO_ROWS, erased });
  const rows = rowsOf(store);
  await store.close();
  const { residues, transaction } = withFile(join(path, "data.mdb"), nothing(), (pages) => {
    const metas = readMetas(pages);
    if (metas === undefined) return nothing();
    const meta = newestMeta(metas);
    const looking = residuesOf(pages, meta, (table) => table !== "outbox");
    for (;;) {
      const step = looking.next();
      if (step.done === true) return { residues: step.value, transaction: meta.transaction };
    }
  });
  return { residues, rows, transaction };
}

function nothing(): { residues: Residues; transaction: number } {
  return { residues: { unread: [], split: [] }, transaction: 0 };
}

function rowsOf(store: ContextStore): readonly string[] {
  return [...store.contexts()].flatMap(([user, bytes]) => [
    `${user} ${hash32(Buffer.from(bytes).toString("latin1"))}`,
    ...store
      .loadRing(user)
      .map(([slot, event]) => `${slot} ${hash32(Buffer.from(event).toString("latin1"))}`),
  ]);
}

/** A value that names its user. */
function payloadOf(user: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(size & 0xff);
  bytes.set(new TextEncoder().encode(user), size >> 1);
  return bytes;
}
