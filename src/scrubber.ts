import type { ErasingView } from "./actors/erasing-copy.ts";
import { EngineError } from "./kernel/engine-error.ts";
import type { Report } from "./kernel/report.ts";

/** What taking erased users' bytes out of a copy's store takes. */
export type ScrubberWorld = Readonly<{
  store: { scrub(): Promise<void> };
  sleep(ms: number): Promise<void>;
  report: Report;
}>;

const LOOK_MS = 100;
/** Between two scrubs, each of which looks through the store: so many times as long as one takes, at most so long. */
const REST = { factor: 0.25, ms: 2_000 } as const;
const RETRY_MS = 5_000;

/**
 * Takes what is left of erased users out of a copy's store, whether it owns its unit or stands by, once everything that
 * names them is published and gone from it.
 */
export class Scrubber {
  readonly #world: ScrubberWorld;
  readonly #view: ErasingView;
  readonly #monotonicMs: () => number;
  #scrubbedThrough = 0;
  #wantedThrough = 0;
  #isStopping = false;
  /** Ends the pause between two looks. */
  #wake = () => {};
  #running: Promise<void>;

  constructor(world: ScrubberWorld, view: ErasingView, monotonicMs: () => number) {
    this.#world = world;
    this.#view = view;
    this.#monotonicMs = monotonicMs;
    this.#running = this.#run();
  }

  /** Resolves once the store holds no byte of whom it was made to forget up to a place. @returns False if that was stopped. */
  async scrubbed(sequence: number): Promise<boolean> {
    this.#wantedThrough = Math.max(this.#wantedThrough, sequence);
    this.#wake();
    while (!this.#isStopping && this.#scrubbedThrough < sequence) await this.#world.sleep(LOOK_MS / 4);
    return !this.#isStopping;
  }

  /** Whether there is nothing left to do. */
  get isDone(): boolean {
    return this.#scrubbedThrough >= this.#view.erasedThrough();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const { sleep, store, report } = this.#world;
    while (!this.#isStopping) {
      const through = Math.max(this.#view.erasedThrough(), this.#wantedThrough);
      if (through <= this.#scrubbedThrough || !this.#view.isSettled(through)) {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await Promise.race([sleep(LOOK_MS), woken]);
        continue;
      }
      const beganMs = this.#monotonicMs();
      try {
        await store.scrub();
        this.#scrubbedThrough = through;
        await sleep(Math.min(REST.ms, REST.factor * (this.#monotonicMs() - beganMs)));
      } catch (thrown) {
        const { message } = thrown instanceof Error ? thrown : new Error(String(thrown));
        report(`what was erased is not out of the store's file yet: ${message}`, {
          ...{ event: "erasure.scrub-retried", level: "warn" },
        });
        if (!(thrown instanceof EngineError && thrown.retryable)) return; // The copy itself meets it, too.
        await sleep(RETRY_MS);
      }
    }
  }
}
