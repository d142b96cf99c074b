import type { Tally, TallyKind } from "../../src/profiles/tally.ts";

/** Counts by name: a change is `{name, by}`. */
export const COUNTS: TallyKind = {
  name: "counts",
  open: () => new Counts(),
  activation: (version) => ({ kind: "segments-prepared", version }), // Any entry that has a version.
};

class Counts implements Tally {
  readonly #counts = new Map<string, number>();
  readonly #changed = new Set<string>();

  add(change: unknown): boolean {
    const { name, by } = change as { name?: unknown; by?: unknown };
    if (typeof name !== "string" || typeof by !== "number") return false;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
    this.#changed.add(name);
    return true;
  }

  restore(key: string, bytes: Uint8Array): void {
    this.#counts.set(key, bytes[0] ?? 0);
  }

  takeChanges(): [string, Uint8Array][] {
    const changed = [...this.#changed].sort();
    this.#changed.clear();
    return changed.map((name) => [name, Uint8Array.of(this.#counts.get(name) ?? 0)]);
  }

  release(): Uint8Array {
    return new TextEncoder().encode(JSON.stringify([...this.#counts].sort()));
  }
}
