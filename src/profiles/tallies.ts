import { encodeEntry } from "../events/log-codec.ts";
import type { PendingPublication, ProfileCommit, ProfileMeta, ProfileStore } from "./profile-store.ts";
import type { TallyChange } from "./sample.ts";
import type { Tally, TallyKind } from "./tally.ts";

type Mark = readonly [sequence: number, index: number];

/** The rows of a tally lie among the sums of encoders, under a name that no encoder has. */
export function tallyTable(tally: string): string {
  return `tally.${tally}`;
}

/** All sums over shards that the profile actor keeps beside its ledgers. */
export class Tallies {
  readonly #kinds: readonly TallyKind[];
  readonly #tallies = new Map<string, Tally>();
  /** Shard to the (sequence, index) of its last change. */
  readonly #marks = new Map<string, Mark>();
  readonly #versions = new Map<string, number>();
  /** Those that changed since they were published last. */
  readonly #dirty = new Set<string>();

  /** Opens what the store holds. */
  constructor(kinds: readonly TallyKind[], store: ProfileStore, meta: ProfileMeta | undefined) {
    this.#kinds = kinds;
    for (const { name, open } of kinds) {
      const tally = open();
      for (const [key, bytes] of meta === undefined ? [] : store.sums(tallyTable(name)))
        tally.restore(key, bytes);
      this.#tallies.set(name, tally);
      this.#versions.set(name, 0);
    }
    const { marks = {}, versions = {}, dirty = [] } = meta?.tallies ?? {};
    for (const [shard, mark] of Object.entries(marks)) this.#marks.set(shard, mark);
    for (const [name, version] of Object.entries(versions)) this.#versions.set(name, version);
    for (const name of dirty) this.#dirty.add(name);
  }

  /** Whether a publication would differ from the last one. */
  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Name to the last version published; 0 before the first. */
  get versions(): ReadonlyMap<string, number> {
    return this.#versions;
  }

  /** The tally of a name; undefined if none of this build has it. */
  get(name: string): Tally | undefined {
    return this.#tallies.get(name);
  }

  /**
   * Takes in what a shard adds; what it added before is recognised and passed over.
   *
   * @returns How many changes were repeats, and how many can't be read here.
   */
  apply(shard: number, changes: readonly TallyChange[]): Readonly<{ repeats: number; unread: number }> {
    let [repeats, unread] = [0, 0];
    const key = String(shard);
    for (const { sequence, index, tally, change } of changes) {
      const mark = this.#marks.get(key);
      if (mark !== undefined && (sequence < mark[0] || (sequence === mark[0] && index <= mark[1]))) {
        repeats++;
        continue;
      }
      this.#marks.set(key, [sequence, index]);
      if (this.#tallies.get(tally)?.add(change) === true) this.#dirty.add(tally);
      else unread++;
    }
    return { repeats, unread };
  }

  /** A release of everything that changed since the last one. @param sequence - The place in the log that it follows from. */
  publish(sequence: number): PendingPublication[] {
    const releases: PendingPublication[] = [];
    for (const { name, activation } of this.#kinds) {
      if (!this.#dirty.delete(name)) continue;
      const bytes = this.#tallies.get(name)?.release();
      if (bytes === undefined) continue;
      const version = (this.#versions.get(name) ?? 0) + 1;
      this.#versions.set(name, version);
      const current = new TextEncoder().encode(JSON.stringify({ version }));
      releases.push({
        blobs: [
          [`${name}.${version}`, bytes],
          [`${name}.current`, current],
        ],
        ...(activation === undefined ? {} : { entry: encodeEntry(activation(version)) }),
        id: `${name}:${version}:${sequence}`,
      });
    }
    return releases;
  }

  /** Rows that changed since the last call, as rows of the store's sums. */
  takeChanges(): ProfileCommit["sums"] {
    const rows: [string, string, Uint8Array | undefined][] = [];
    for (const [name, tally] of this.#tallies)
      for (const [key, bytes] of tally.takeChanges()) rows.push([tallyTable(name), key, bytes]);
    return rows;
  }

  /** What is to be stored beside the rows; undefined before the first change. */
  meta(): ProfileMeta["tallies"] {
    if (this.#marks.size === 0) return undefined;
    return {
      marks: Object.fromEntries(this.#marks),
      versions: Object.fromEntries(this.#versions),
      dirty: [...this.#dirty].sort(),
    };
  }
}
