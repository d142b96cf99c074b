import { pbkdf2 } from "node:crypto";
import type { MessagePort } from "node:worker_threads";
import { open } from "lmdb";

/** Hands a commit over to the system's threads, behind work that keeps them all busy, as a slow disk does; never ends. */
export async function commitLate({ path, port }: { path: string; port: MessagePort }): Promise<void> {
  const store = open<string, string>({ path });
  await store.put("commit", "first");
  for (let thread = 0; thread < 4; thread++) pbkdf2("a", "b", 1_000_000, 64, "sha512", () => {});
  void store.put("commit", "late");
  setTimeout(() => port.postMessage("handed over"), 20);
  await new Promise(() => {});
}

/** Answers once it is asked. */
export async function answer({ port }: { port: MessagePort }): Promise<string> {
  await new Promise((resolve) => port.once("message", resolve));
  return "answered";
}
