import { createHmac } from "node:crypto";
import { geohash } from "../../features/geohash.ts";
import type { LocalPrivacy } from "../consent/policy.ts";
import { respondDirectly } from "./randomised-response.ts";

/** What stands for all places outside of a policy's cells: no geohash has this letter. */
export const ELSEWHERE = "a";
const CHARS_MAX = 4;
/** Bits of a float64 between 0 and 1. */
const CHANCE_BITS = 53;

/**
 * Reports places as one of a policy's cells, by randomised response. What is reported of one user at one place is always the
 * same, or many reports would tell the truth by their average; so that the true place need not be kept for that, the chance is
 * a keyed hash of user and place.
 *
 * @see Erlingsson, Pihur, Korolova, "RAPPOR", CCS 2014: the permanent response.
 */
export class PermanentCells {
  readonly #key: Uint8Array;
  readonly #epsilon: number;
  /** What is reported under another policy is drawn anew. */
  readonly #salt: string;
  /** The last of them is elsewhere. */
  readonly #cells: readonly string[];
  readonly #places: ReadonlyMap<string, number>;

  /** @param key - Of 32 bytes, the same on all nodes, for ever: who has it can tell true cells from others. */
  constructor({ epsilon, cells }: LocalPrivacy, key: Uint8Array) {
    this.#key = key;
    this.#epsilon = epsilon;
    this.#cells = [...[...cells].sort(), ELSEWHERE];
    this.#salt = JSON.stringify([epsilon, this.#cells]);
    this.#places = new Map(this.#cells.map((cell, place) => [cell, place]));
  }

  /** The cell that is stored of a user at a place. */
  cellOf(user: string, { lat, lon }: Readonly<{ lat: number; lon: number }>): string {
    const values = this.#cells.length;
    const truth = this.#trueCell(geohash(lat, lon, CHARS_MAX));
    return this.#cells[respondDirectly(truth, values, this.#epsilon, this.#chance(user, truth))]!;
  }

  #trueCell(hash: string): number {
    for (let chars = CHARS_MAX; chars > 0; chars--) {
      const place = this.#places.get(hash.slice(0, chars));
      if (place !== undefined) return place;
    }
    return this.#cells.length - 1;
  }

  /** In [0, 1). */
  #chance(user: string, truth: number): number {
    const mac = createHmac("sha256", this.#key);
    mac.update(`${this.#salt}${truth} ${user}`);
    return Number(mac.digest().readBigUInt64BE() >> BigInt(64 - CHANCE_BITS)) / 2 ** CHANCE_BITS;
  }
}
