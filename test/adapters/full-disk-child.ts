import { createInterface } from "node:readline";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { lmdbProfileStore } from "../../src/adapters/lmdb-profile-store.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";

/**
 * Commits to the store of the first argument, of the kind of the second, until its disk is full, tells so, waits for
 * a line on its input, and goes on. Each line of its output is a JSON object.
 */

const USERS_A_COMMIT = 40;
const [, , path = "", kind] = process.argv;

/** What the stores of both kinds can do. */
type Filled = Readonly<{
  commit(applied: number): Promise<void>;
  /** Forgets the first output, if the store keeps any. */
  removeFirst(): Promise<void>;
  firstOutput(): number | undefined;
  held(): object;
  close(): Promise<void>;
}>;

function filledContexts(): Filled {
  const store = lmdbContextStore(path);
  return {
    commit: (applied) =>
      store.commit({
        contexts: usersOf(applied).map((user) => [user, bytesOf(applied)]),
        ring: usersOf(applied).map((user) => ({ user, slot: 0, bytes: new Uint8Array(90) })),
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
      }),
    removeFirst: () => store.removeOutbox([1]),
    firstOutput: () => store.outbox()[0]?.key,
    held: () => ({ applied: store.meta()?.applied, rows: [...store.contexts()].length }),
    close: () => store.close(),
  };
}

function filledProfiles(): Filled {
  const store = lmdbProfileStore(path);
  return {
    commit: (applied) =>
      store.commit({
        members: usersOf(applied).map((user) => ["e", user, bytesOf(applied)]),
        sums: [["e", "map segment", bytesOf(applied)]],
        meta: {
          applied,
          marks: {},
          encoder: "e",
          candidate: "",
          preparedShards: [],
          versions: {},
          watermarksMs: {},
          definitions: 0,
          isDirty: false,
          repeats: 0,
          dropped: 0,
        },
      }),
    removeFirst: async () => {},
    firstOutput: () => undefined,
    held: () => ({
      applied: store.meta()?.applied,
      rows: store.membersAfter("e", undefined, 1_000_000).length,
      sum: [...store.sums("e")][0]?.[1][0],
    }),
    close: () => store.close(),
  };
}

function usersOf(applied: number): string[] {
  return Array.from({ length: USERS_A_COMMIT }, (_, i) => `user-${applied}-${i}`);
}

function bytesOf(applied: number): Uint8Array {
  return new Uint8Array(3_000).fill(applied);
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

const unheard: unknown[] = [];
process.on("unhandledRejection", (reason) => unheard.push(String(reason)));
const open = kind === "profiles" ? filledProfiles : filledContexts;
let store = open();
let applied = 0;
let code = "done";
while (code === "done") code = await codeOf(store.commit(++applied));
const again = await codeOf(store.commit(applied));
const removed = await codeOf(store.removeFirst());
tell({ failed: applied, code, again, removed, output: store.firstOutput() ?? null, held: store.held() });

for await (const _ of createInterface({ input: process.stdin })) break;
const retried = await codeOf(store.commit(applied));
await codeOf(store.commit(++applied));
tell({ retried, held: store.held() });
await store.close();
store = open();
await codeOf(store.commit(++applied));
tell({ reopened: store.held(), output: store.firstOutput() ?? null, unheard });
await store.close();
