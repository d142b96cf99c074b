import { pbkdf2 } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { open } from "lmdb";
import { afterAll, expect, test } from "vitest";
import { threadPool } from "../../src/adapters/thread-pool.ts";

const folder = mkdtempSync(join(tmpdir(), "resonance-threads-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a thread that is ended is told to be gone only after what it had handed over to the system", async () => {
  const pool = threadPool(new URL("./thread-pool-task", import.meta.url), { threads: 2 });
  const path = join(folder, "store");
  const abort = new AbortController();
  const beside = pool.start<object, string>("answer", {});
  const { port, end } = pool.start<{ path: string }, void>("commitLate", { path }, abort.signal);
  await new Promise((resolve) => port.once("message", resolve));
  abort.abort();
  await expect(end).rejects.toThrow("aborted");
  const next = open<string, string>({ path });
  const found = next.get("commit");
  await systemIsIdle();
  expect(next.get("commit")).toBe(found);
  await next.close();
  for (const { port, end } of [beside, pool.start<object, string>("answer", {})]) {
    port.postMessage("go on");
    expect(await end).toBe("answered");
  }
  await pool.close();
});

/** Resolves once the system's threads have done what was handed over to them: they take it in turn. */
async function systemIsIdle(): Promise<void> {
  const last = Array.from({ length: 4 }, () => promisify(pbkdf2)("a", "b", 1, 64, "sha512"));
  await Promise.all(last);
  await sleep(100);
}
