import type { KeyValue } from "../actors/key-value.ts";
import { decodeUnit, encodeRecord, type UnitRecord, unitKey } from "./cluster-records.ts";
import type { ClusterView } from "./cluster-view.ts";

/** Writers of one record that overtake each other are rare: after so many, the next change of the view tries again. */
const TRIES_MAX = 4;

/** Changes units' records by compare-and-set, and takes what it wrote into the view at once. */
export class UnitTable {
  readonly #table: KeyValue;
  readonly #view: ClusterView;

  constructor(table: KeyValue, view: ClusterView) {
    this.#table = table;
    this.#view = view;
  }

  /**
   * Writes what `change` makes of a unit's record, or leaves it as it is if that is undefined. A record that another
   * node has changed meanwhile is read and changed anew; one that is gone is not made again by the same call.
   *
   * @returns Whether the record was written.
   * @throws EngineError `KEY_VALUE_UNAVAILABLE` (retryable).
   */
  async amend(
    unit: string,
    change: (record: UnitRecord | undefined) => UnitRecord | undefined,
  ): Promise<boolean> {
    const key = unitKey(unit);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const seen = this.#view.units.get(unit);
      const next = change(seen?.record);
      if (next === undefined) return false;
      const value = encodeRecord(next);
      const revision = await this.#table.swap(key, value, seen?.revision ?? 0);
      if (revision !== undefined) {
        this.#view.apply({ key, value, revision }, 0);
        return true;
      }
      const newest = await this.#table.get(key);
      if (newest === undefined) {
        this.#view.units.delete(unit); // The table was lost: what is made anew needs epochs of a new generation first.
        return false;
      }
      this.#view.units.set(unit, { record: decodeUnit(newest.value), revision: newest.revision });
    }
    return false;
  }
}
