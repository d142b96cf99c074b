import { decode, encode } from "../kernel/msgpack.ts";
import { type ArmSums, emptySums } from "./arm-sums.ts";
import { metricsOf } from "./experiment.ts";
import type { ExperimentRecord, ExperimentRecords } from "./experiment-records.ts";
import { look, newWatch, type Watch } from "./watch.ts";

/** What a log entry adds to the sums of experiments. */
export type ExperimentChange =
  /** These are the experiments now; every shard tells so. */
  | Readonly<{ kind: "defined"; records: ExperimentRecords }>
  /** An arm's sums change: places in them and what is added there, one after the other. */
  | Readonly<{ kind: "moved"; experiment: string; arm: number; atMs: number; moves: readonly number[] }>;

/** One experiment's numbers over all shards. */
export type ExperimentNumbers = {
  record: ExperimentRecord;
  /** Of each arm. */
  readonly sums: readonly ArmSums[];
  watch: Watch;
  /** When it was looked at last, by the logs' time, epoch ms. */
  lookedMs: number;
};

/** The numbers of all experiments. What they are follows from the order of the changes alone, looks included. */
export class ExperimentBook {
  #version = 0;
  readonly #numbers = new Map<string, ExperimentNumbers>();
  readonly #changed = new Set<string>();

  /** Version of the definitions that it knows. */
  get version(): number {
    return this.#version;
  }

  /** Takes a change in. @returns False, and nothing changes, if it can't be read, or is of an experiment that is not known. */
  add(change: ExperimentChange): boolean {
    switch (change.kind) {
      case "defined":
        this.#define(change.records);
        return true;
      case "moved":
        return this.#move(change);
      default:
        return false; // Of a later build.
    }
  }

  /** Puts an experiment back from a row. */
  restore(name: string, bytes: Uint8Array): void {
    const { version, record, sums, watch, lookedMs } = decode(bytes) as Row;
    this.#version = Math.max(this.#version, version);
    this.#numbers.set(name, { record, sums: sums.map((one) => Float64Array.from(one)), watch, lookedMs });
  }

  /** Rows that changed since the last call, by the experiments' names; without bytes those that are gone. */
  takeChanges(): readonly (readonly [name: string, bytes: Uint8Array | undefined])[] {
    const rows = [...this.#changed].sort().map((name) => [name, this.#row(name)] as const);
    this.#changed.clear();
    return rows;
  }

  /** All of them, for {@link readNumbers}. */
  encode(): Uint8Array {
    const names = [...this.#numbers.keys()].sort();
    return encode({ version: this.#version, rows: names.map((name) => this.#row(name)) });
  }

  #define({ version, experiments }: ExperimentRecords): void {
    if (version <= this.#version) return;
    this.#version = version;
    for (const name of this.#numbers.keys()) {
      if (experiments.some(({ experiment }) => experiment.name === name)) continue;
      this.#numbers.delete(name);
      this.#changed.add(name);
    }
    for (const record of experiments) {
      const { experiment } = record;
      const held = this.#numbers.get(experiment.name);
      if (held === undefined) this.#numbers.set(experiment.name, noNumbers(record));
      else held.record = record;
      this.#changed.add(experiment.name); // Each row tells the version.
    }
  }

  #move({ experiment: name, arm, atMs, moves }: Extract<ExperimentChange, { kind: "moved" }>): boolean {
    const numbers = this.#numbers.get(name);
    const sums = numbers?.sums[arm];
    if (numbers === undefined || sums === undefined || !areMoves(moves, sums.length)) return false;
    for (let i = 0; i < moves.length; i += 2) sums[moves[i]!]! += moves[i + 1]!;
    this.#changed.add(name);
    if (atMs >= numbers.lookedMs + LOOK_EVERY_MS) {
      numbers.watch = look(numbers.watch, numbers.record.experiment, numbers.sums, atMs);
      numbers.lookedMs = atMs;
    }
    return true;
  }

  #row(name: string): Uint8Array | undefined {
    const numbers = this.#numbers.get(name);
    if (numbers === undefined) return undefined;
    const { record, sums, watch, lookedMs } = numbers;
    const row: Row = { version: this.#version, record, sums: sums.map((one) => [...one]), watch, lookedMs };
    return encode(row);
  }
}

/** The numbers that {@link ExperimentBook.encode} wrote, by the experiments' names. */
export function readNumbers(
  bytes: Uint8Array,
): Readonly<{ version: number; numbers: ReadonlyMap<string, ExperimentNumbers> }> {
  const { version, rows } = decode(bytes) as { version: number; rows: readonly Uint8Array[] };
  const numbers = rows.map((row) => {
    const { record, sums, watch, lookedMs } = decode(row) as Row;
    return { record, sums: sums.map((one) => Float64Array.from(one)), watch, lookedMs };
  });
  return { version, numbers: new Map(numbers.map((one) => [one.record.experiment.name, one])) };
}

/** Numbers of an experiment that nobody has met. */
export function noNumbers(record: ExperimentRecord): ExperimentNumbers {
  const { experiment } = record;
  const metrics = metricsOf(experiment).length;
  return {
    record,
    sums: experiment.arms.map(() => emptySums(metrics)),
    watch: newWatch(experiment),
    lookedMs: 0,
  };
}

/** Sums as moves: their places other than 0. */
export function movesOf(sums: ArmSums): number[] {
  const moves: number[] = [];
  for (let at = 0; at < sums.length; at++) if (sums[at] !== 0) moves.push(at, sums[at]!);
  return moves;
}

/** An experiment as it is stored. */
type Row = Readonly<{
  version: number;
  record: ExperimentRecord;
  sums: readonly (readonly number[])[];
  watch: Watch;
  lookedMs: number;
}>;

/**
 * Two looks are at least so far apart, by the logs' time. Looking costs nothing in error; more often it would only take time.
 */
const LOOK_EVERY_MS = 1_000;

function areMoves(moves: readonly number[], places: number): boolean {
  if (!Array.isArray(moves) || moves.length % 2 !== 0) return false;
  return moves.every((one, i) =>
    i % 2 === 0 ? Number.isInteger(one) && one >= 0 && one < places : Number.isFinite(one),
  );
}
