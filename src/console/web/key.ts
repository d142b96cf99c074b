import { computed, signal } from "@preact/signals";

/** Kept until the tab is closed, and never sent by itself: no other page can act with it. */
const STORED = "resonance-key";

const held = signal<string | undefined>(sessionStorage.getItem(STORED) ?? undefined);
const wanted = signal(false);

/** The node wants a key, and there is none, or one that it does not know. */
export const isKeyWanted = computed(() => wanted.value);
export const hasKey = computed(() => held.value !== undefined);

/** The key to show; undefined without one. */
export function keyNow(): string | undefined {
  return held.value;
}

export function holdKey(key: string | undefined): void {
  held.value = key;
  wanted.value = false;
  if (key === undefined) sessionStorage.removeItem(STORED);
  else sessionStorage.setItem(STORED, key);
}

/** The node has refused what was shown. */
export function refusedKey(): void {
  wanted.value = true;
}
