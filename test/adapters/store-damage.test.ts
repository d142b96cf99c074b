import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { brokenPageOf, fileStateOf } from "../../src/adapters/lmdb-pages.ts";
import { seal, unseal } from "../../src/adapters/sealed-value.ts";
import { setAside } from "../../src/adapters/store-guard.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { shardMeta } from "../shard-meta.ts";

const CHILD = fileURLToPath(new URL("./open-store-child.ts", import.meta.url));
const PAGE = 4_096;
const USERS = 300;
const META = shardMeta();

let folder: string;
let whole: string;
let path: string;
let file: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "resonance-damage-"));
  whole = join(folder, "whole");
  const store = lmdbContextStore(whole);
  const users = Array.from({ length: USERS }, (_, i) => `user-${i}`);
  for (let applied = 1; applied < 6; applied++) {
    await store.commit({
      // One in ten is larger than a page, and so lies outside of its tree's pages.
      contexts: users.map((user, i) => [user, contextOf(user, applied, i % 10 === 0 ? 12_000 : 900)]),
      ring: users.map((user) => ({ user, slot: applied, bytes: new Uint8Array(60).fill(applied) })),
      authenticated: users.slice(0, 20),
      outbox: [],
      meta: { ...META, applied },
    });
  }
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  path = join(mkdtempSync(join(folder, "case-")), "7");
  file = join(path, "data.mdb");
  cpSync(whole, path, { recursive: true });
});

test("a value is sealed and unsealed as it was, and every changed byte is noticed", () => {
  const value = Uint8Array.from({ length: 40 }, (_, i) => i * 7);
  const sealed = seal(value);
  expect([...(unseal(sealed) ?? [])]).toEqual([...value]);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Uint8Array.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 4;
    expect(unseal(changed), `byte ${at}`).toBeUndefined();
  }
  expect(unseal(sealed.subarray(0, 3))).toBeUndefined();
  expect(unseal(sealed.subarray(0, 20))).toBeUndefined();
});

test("a whole store is read, again and again", () => {
  for (let i = 0; i < 3; i++) expect(opened()).toBe(String(USERS));
  expect([fileStateOf(file), brokenPageOf(file)]).toEqual([{ kind: "store", isShort: false }, undefined]);
});

test.for([1, 100, PAGE - 1, PAGE, 2 * PAGE, 5 * PAGE + 77])(
  "a store of which %i bytes are left is corrupt",
  (bytes) => {
    truncateSync(file, bytes);
    expect(opened()).toBe("STORE_CORRUPT");
  },
);

test("a store that lost its end is corrupt if a page of it was in use, and else as good as before", () => {
  const pages = statSync(file).size / PAGE;
  const results = new Set<string>();
  for (let kept = pages - 1; kept > pages - 30; kept -= 9) {
    truncateSync(file, kept * PAGE);
    const isBroken = brokenPageOf(file) !== undefined;
    results.add(opened());
    expect(opened()).toBe(isBroken ? "STORE_CORRUPT" : String(USERS));
  }
  expect(results).toContain("STORE_CORRUPT");
});

test.for([
  ["a text", new TextEncoder().encode("this is no store ".repeat(5_000))],
  ["zeros", new Uint8Array(20 * PAGE)],
] as const)("%s in place of a store is corrupt", ([, bytes]) => {
  writeFileSync(file, bytes);
  expect(opened()).toBe("STORE_CORRUPT");
});

test.for([24, PAGE + 24, 28, 48])("a store with another number at byte %i of its head is corrupt", (at) => {
  change(at, (byte) => byte ^ 0xff);
  expect(opened()).toBe("STORE_CORRUPT");
});

test("an empty file is a new store", () => {
  truncateSync(file, 0);
  expect(opened()).toBe("0");
});

test("a changed byte in a value is told when it is read, with the user's hash and not their id", async () => {
  const bytes = readFileSync(file);
  const value = bytes.indexOf(contextOf("user-123", 5, 900)); // As of the last commit.
  expect(value).toBeGreaterThan(0);
  change(value + 450, (byte) => byte ^ 1);
  const store = lmdbContextStore(path);
  const failure = errorOf(() => store.load("user-123"));
  expect(failure).toMatchObject({
    code: "STORE_CORRUPT",
    retryable: false,
    detail: { path, table: "contexts" },
  });
  expect(JSON.stringify(failure.toWire())).not.toContain("user-123");
  expect(errorOf(() => [...store.contexts()]).code).toBe("STORE_CORRUPT");
  const snapshot = store.snapshot();
  expect(errorOf(() => snapshot.load("user-123")).code).toBe("STORE_CORRUPT");
  snapshot.close();
  expect(store.load("user-124")).toHaveLength(900);
  await store.close();
});

test("a page that makes no sense ends the process twice at most, then the store is corrupt", () => {
  const broken = Array.from({ length: statSync(file).size / PAGE - 2 }, (_, i) => i + 2).find((page) => {
    cpSync(join(whole, "data.mdb"), file);
    zero(page);
    return brokenPageOf(file) !== undefined && spawned().signal !== null;
  });
  expect(broken).toBeDefined(); // The process has ended once by now.
  expect(spawned().signal).not.toBeNull();
  expect(opened()).toBe("STORE_CORRUPT");
});

test("a store at whose opening the process ended twice in a row is corrupt", () => {
  writeFileSync(join(path, "opening"), "1");
  expect(opened()).toBe(String(USERS));
  expect(existsSync(join(path, "opening"))).toBe(false);
  writeFileSync(join(path, "opening"), "2");
  expect(opened()).toBe("STORE_CORRUPT");
});

test("a store that was never closed, but is whole, stays in use", () => {
  for (let i = 0; i < 4; i++) expect(opened("abandon")).toBe(String(USERS));
  expect(spawned("die").signal).toBe("SIGKILL");
  expect(opened()).toBe(String(USERS));
  expect(existsSync(join(path, "in-use"))).toBe(false);
});

test("a store that is set aside makes room for a new one, and the newest two are kept", () => {
  const names = () => readdirSync(join(path, "..")).sort();
  for (let n = 1; n <= 4; n++) {
    expect(setAside(path)).toBe(`${path}.corrupt-${n}`);
    expect(opened()).toBe("0");
  }
  expect(names()).toEqual(["7", "7.corrupt-3", "7.corrupt-4"]);
});

/** Bytes that tell whose they are, and of which commit. */
function contextOf(user: string, applied: number, length: number): Uint8Array {
  return Buffer.alloc(length, `${user}@${applied};`);
}

function spawned(...then: readonly string[]) {
  return spawnSync(process.execPath, [CHILD, path, ...then], { encoding: "utf8" });
}

/** What a process of its own finds: the number of users, or a code. */
function opened(...then: readonly string[]): string {
  const { stdout, stderr, signal } = spawned(...then);
  expect(signal, stderr).toBeNull();
  return stdout.trim();
}

function change(at: number, how: (byte: number) => number): void {
  const bytes = readFileSync(file);
  bytes[at] = how(bytes[at] ?? 0);
  writeFileSync(file, bytes);
}

function zero(page: number): void {
  const bytes = readFileSync(file);
  bytes.fill(0, page * PAGE, (page + 1) * PAGE);
  writeFileSync(file, bytes);
}

function errorOf(act: () => unknown): EngineError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof EngineError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}
