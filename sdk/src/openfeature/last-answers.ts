/** Answers of before, for when the engine does not answer: bounded in number and in age. */
export class LastAnswers<Answer> {
  readonly #held = new Map<string, Readonly<{ answer: Answer; atMs: number }>>();
  readonly #max: number;
  readonly #oldestMs: number;
  readonly #nowMs: () => number;

  /** @param oldestMs - An older answer is none. */
  constructor(given: Readonly<{ max: number; oldestMs: number; nowMs: () => number }>) {
    this.#max = given.max;
    this.#oldestMs = given.oldestMs;
    this.#nowMs = given.nowMs;
  }

  put(key: string, answer: Answer): void {
    this.#held.delete(key); // Where it comes back to is the end: the first one is the oldest.
    this.#held.set(key, { answer, atMs: this.#nowMs() });
    if (this.#held.size <= this.#max) return;
    for (const oldest of this.#held.keys()) {
      this.#held.delete(oldest);
      return;
    }
  }

  get(key: string): Answer | undefined {
    const held = this.#held.get(key);
    if (held === undefined) return undefined;
    if (this.#nowMs() - held.atMs <= this.#oldestMs) return held.answer;
    this.#held.delete(key);
    return undefined;
  }
}
