/** Lets a loop sleep until there is something to do, or a time has passed. */
export class Wake {
  readonly #sleep: (ms: number) => Promise<void>;
  #isCalled = false;
  #call: () => void = () => {};

  constructor(sleep: (ms: number) => Promise<void>) {
    this.#sleep = sleep;
  }

  /** Ends the wait under way, or the next one. */
  call(): void {
    this.#isCalled = true;
    this.#call();
  }

  /** Waits for a call, at most so many milliseconds. */
  async wait(maxMs: number): Promise<void> {
    if (!this.#isCalled) {
      const called = new Promise<void>((resolve) => {
        this.#call = resolve;
      });
      await Promise.race([called, this.#sleep(maxMs)]);
    }
    this.#isCalled = false;
  }
}
