import type { Bus } from "../actors/bus.ts";
import type { Subjects } from "../events/subjects.ts";
import { decode } from "../kernel/msgpack.ts";
import type { ErasuresDone } from "../privacy/erasure-record.ts";

type Waiting = Readonly<{ erasure: string; wake(): void }>;

/** Wakes those who wait for erasures as soon as an eraser tells. What is told may get lost: they must look now and then. */
export class ErasureNews {
  readonly #bus: Bus;
  readonly #subjects: Subjects;
  readonly #waiting = new Set<Waiting>();
  #listening: Promise<{ close(): Promise<void> }> | undefined;
  #listeners = 0;

  constructor({ bus, subjects }: Readonly<{ bus: Bus; subjects: Subjects }>) {
    this.#bus = bus;
    this.#subjects = subjects;
  }

  /** Listens while something is done. */
  async whileListening<Result>(act: () => Promise<Result>): Promise<Result> {
    this.#listeners++;
    try {
      this.#listening ??= this.#bus.subscribe(this.#subjects.erasures, (_, data) => this.#told(data));
      await this.#listening;
      return await act();
    } finally {
      if (--this.#listeners === 0) {
        const listening = this.#listening;
        this.#listening = undefined;
        listening?.then(
          (subscription) => subscription.close(),
          () => {}, // Whoever waited for it was told.
        );
      }
    }
  }

  /** Resolves when an erasure is told to be done, or something else does first. */
  async toldOr(erasure: string, other: Promise<void>): Promise<void> {
    const told = Promise.withResolvers<void>();
    const waiting: Waiting = { erasure, wake: told.resolve };
    this.#waiting.add(waiting);
    try {
      await Promise.race([told.promise, other]);
    } finally {
      this.#waiting.delete(waiting);
    }
  }

  #told(data: Uint8Array): void {
    const done = new Set(decode(data) as ErasuresDone);
    for (const { erasure, wake } of this.#waiting) if (done.has(erasure)) wake();
  }
}
