import { computed, signal } from "@preact/signals";
import { ApiError, get } from "./api.ts";
import { holdKey, keyNow } from "./key.ts";

/** What whoever looks may do: nothing yet, look, or act too. */
export type Role = "none" | "reader" | "operator";

const known = signal<Readonly<{ role: Role; node?: string; keyName?: string }>>({ role: "none" });

export const session = computed(() => known.value);
/** Whether buttons that act are shown as usable. */
export const mayAct = computed(() => known.value.role === "operator");

/** Asks the node who it is, and what the key may do. @throws {@link ApiError} only `UNREACHABLE` and the like. */
export async function knowSession(): Promise<void> {
  try {
    const { name: node } = await get<{ name: string }>("node");
    known.value = { role: "reader", node };
    if (keyNow() === undefined) return;
    const { name: keyName } = await get<{ name: string }>("operator");
    known.value = { role: "operator", node, keyName };
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    // Refused: a reader's key, or none. Not there: whoever loads data next tells that.
  }
}

/**
 * Takes a key into use.
 *
 * @returns Why it can't be used; undefined if it can.
 */
export async function signIn(key: string): Promise<string | undefined> {
  const before = keyNow();
  holdKey(key);
  try {
    const { name: node } = await get<{ name: string }>("node");
    known.value = { role: "reader", node };
    await knowSession();
    return undefined;
  } catch (thrown) {
    holdKey(before);
    return thrown instanceof ApiError ? thrown.message : "the key could not be tried";
  }
}

export async function signOut(): Promise<void> {
  holdKey(undefined);
  known.value = { role: "none" };
  await knowSession();
}
