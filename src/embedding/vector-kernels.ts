import { Buffer } from "node:buffer";
import { assert } from "../kernel/assert.ts";
import { KERNEL_MODULE } from "./kernel-module.ts";

/** 16 MiB, of which the machine gives only what was written: a thousand scorers of 64 segments x 32 dimensions. */
const MEMORY = { pages: 256, pageBytes: 65_536 } as const;
/** Places begin where a cache line does. */
const ALIGNMENT_BYTES = 64;

/** How something is written into the kernels' memory. */
export type Placement<Owner> = Readonly<{
  sizeBytes(owner: Owner): number;
  /** Writes all of it: the memory holds what was there before. */
  write(owner: Owner, at: number, kernels: VectorKernels): void;
}>;

/** What the module exports; `src/embedding/kernels` says what they compute and how the memory at `at` is laid out. */
type Exports = Readonly<{
  embed(at: number, width: number, lanes: number, shrink: number, fill: number, clip: number): void;
  score(
    at: number,
    dim: number,
    count: number,
    trust: number,
    kappa: number,
    shortest: number,
    exclusive: number,
  ): void;
  constantsEnd(): number;
}>;

/** The part of WebAssembly that is used: its types come with those of a browser only. */
declare const WebAssembly: {
  Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/**
 * The loops that every event runs, as WebAssembly with SIMD: same results on every machine, no clock, no I/O.
 *
 * A thread has one instance and one memory, because each memory reserves gigabytes of addresses. The memory never
 * grows, so views of it stay valid. What a kernel needs of an encoder or a scorer is placed there when it is first
 * asked for, one behind the other; when the memory is full all places are given up and it begins anew. So whoever is
 * no longer used needs no goodbye.
 */
export class VectorKernels {
  readonly float64: Float64Array;
  readonly float32: Float32Array;
  readonly uint32: Uint32Array;
  readonly embed: Exports["embed"];
  readonly score: Exports["score"];
  readonly #sizeBytes: number;
  #places = new WeakMap<object, number>();
  readonly #beginsAt: number;
  #usedBytes: number;

  constructor() {
    const { pages, pageBytes } = MEMORY;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const module = new WebAssembly.Module(Buffer.from(KERNEL_MODULE, "base64"));
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const { embed, score, constantsEnd } = exports as Exports; // The committed module is of these sources: a test compiles them.
    this.float64 = new Float64Array(memory.buffer);
    this.float32 = new Float32Array(memory.buffer);
    this.uint32 = new Uint32Array(memory.buffer);
    this.embed = embed;
    this.score = score;
    this.#sizeBytes = pages * pageBytes;
    this.#beginsAt = Math.ceil(constantsEnd() / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    this.#usedBytes = this.#beginsAt;
  }

  /**
   * Where `owner` is in the memory, in bytes. Valid until something else is placed: use it at once.
   *
   * @param owner - Told apart by identity; never changed after it was placed.
   */
  place<Owner extends object>(owner: Owner, placement: Placement<Owner>): number {
    return this.#places.get(owner) ?? this.#placeNew(owner, placement);
  }

  #placeNew<Owner extends object>(owner: Owner, placement: Placement<Owner>): number {
    const sizeBytes = Math.ceil(placement.sizeBytes(owner) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    assert(
      this.#beginsAt + sizeBytes <= this.#sizeBytes,
      `${sizeBytes} bytes do not fit into the kernels' memory`,
    );
    if (this.#usedBytes + sizeBytes > this.#sizeBytes) {
      this.#places = new WeakMap();
      this.#usedBytes = this.#beginsAt;
    }
    const at = this.#usedBytes;
    placement.write(owner, at, this);
    this.#places.set(owner, at);
    this.#usedBytes += sizeBytes;
    return at;
  }
}

let ofThread: VectorKernels | undefined;

/** The thread's kernels, compiled when they are first asked for. */
export function vectorKernels(): VectorKernels {
  ofThread ??= new VectorKernels();
  return ofThread;
}
