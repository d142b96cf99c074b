/**
 * OTP's restart intensity: a child may be restarted at most `restarts` times within `periodMs`; one more and
 * the failure is not transient, so it escalates to the parent.
 *
 * @see Erlang/OTP Design Principles, "Supervisor Behaviour", maximum restart intensity.
 */
export class RestartIntensity {
  readonly #restarts: number;
  readonly #periodMs: number;
  #recentMs: number[] = [];

  constructor(limit: { readonly restarts: number; readonly periodMs: number }) {
    this.#restarts = limit.restarts;
    this.#periodMs = limit.periodMs;
  }

  /**
   * Records a failure.
   *
   * @param nowMs - Monotonic, in milliseconds.
   * @returns How long to wait before the restart in milliseconds (it doubles with each recent one), or `escalate`.
   */
  failed(nowMs: number): Readonly<{ kind: "restart"; afterMs: number }> | Readonly<{ kind: "escalate" }> {
    this.#recentMs = this.#recentMs.filter((atMs) => nowMs - atMs < this.#periodMs);
    this.#recentMs.push(nowMs);
    if (this.#recentMs.length > this.#restarts) return { kind: "escalate" };
    return {
      kind: "restart",
      afterMs: Math.min(FIRST_WAIT_MS * 2 ** (this.#recentMs.length - 1), MAX_WAIT_MS),
    };
  }
}

const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 5_000;
