import { createInterface } from "node:readline";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import type { ContextStore, ShardCommit } from "../../src/shards/context-store.ts";

/**
 * Commits to the store of the first argument until its disk is full, tells so, waits for a line on its input, and
 * goes on. Each line of its output is a JSON object.
 */

const USERS_A_COMMIT = 40;
const path = process.argv[2] ?? "";

function commitOf(applied: number): ShardCommit {
  const users = Array.from({ length: USERS_A_COMMIT }, (_, i) => `user-${applied}-${i}`);
  return {
    contexts: users.map((user) => [user, new Uint8Array(3_000).fill(applied)]),
    ring: users.map((user) => ({ user, slot: 0, bytes: new Uint8Array(90) })),
    authenticated: [],
    outbox: [
      {
        key: applied,
        after: applied - 1,
        through: applied,
        stream: "S",
        id: `${applied}`,
        data: new Uint8Array(9),
      },
    ],
    meta: {
      applied,
      schema: "s",
      encoder: "e",
      encoderOrder: 0,
      profiles: {},
      activatedMs: {},
      segments: 0,
      nextOutbox: applied + 1,
    },
  };
}

async function codeOf(act: Promise<void>): Promise<string> {
  try {
    await act;
    return "done";
  } catch (thrown) {
    return thrown instanceof EngineError
      ? `${thrown.code}, ${thrown.retryable ? "retryable" : "final"}`
      : String(thrown);
  }
}

function tell(what: object): void {
  console.log(JSON.stringify(what));
}

function held(store: ContextStore): object {
  return { applied: store.meta()?.applied, users: store.users(), read: [...store.contexts()].length };
}

const unheard: unknown[] = [];
process.on("unhandledRejection", (reason) => unheard.push(String(reason)));
let store = lmdbContextStore(path);
let applied = 0;
let code = "done";
while (code === "done") code = await codeOf(store.commit(commitOf(++applied)));
const again = await codeOf(store.commit(commitOf(applied)));
const removed = await codeOf(store.removeOutbox([1]));
tell({ failed: applied, code, again, removed, outbox: store.outbox()[0]?.key, held: held(store) });

for await (const _ of createInterface({ input: process.stdin })) break;
const retried = await codeOf(store.commit(commitOf(applied)));
await codeOf(store.commit(commitOf(++applied)));
tell({ retried, held: held(store) });
await store.close();
store = lmdbContextStore(path);
await codeOf(store.commit(commitOf(++applied)));
tell({ reopened: held(store), outbox: store.outbox()[0]?.key, unheard });
await store.close();
