import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";

/**
 * Opens the store of the first argument and prints the number of users read, or the code of what was thrown. With
 * `die` behind it, it ends as soon as the store is open; with `abandon`, after reading, without closing it.
 */
const [path = "", then] = process.argv.slice(2);
try {
  const store = lmdbContextStore(path);
  if (then === "die") process.kill(process.pid, "SIGKILL");
  let users = 0;
  for (const [user] of store.contexts()) {
    store.loadRing(user);
    users++;
  }
  if (then !== "abandon") await store.close();
  console.log(users);
} catch (thrown) {
  console.log(thrown instanceof EngineError ? thrown.code : String(thrown));
}
process.exit();
