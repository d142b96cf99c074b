import type { Random } from "../kernel/random.ts";

/** How many restarts, within how long, are still no reason to give up. */
export type Intensity = Readonly<{ restarts: number; periodMs: number }>;

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

  readonly #random: Random | undefined;

  /** @param random - Spreads the waits by a half either way, so that what failed together is not restarted together. */
  constructor(limit: Intensity, random?: Random) {
    this.#restarts = limit.restarts;
    this.#periodMs = limit.periodMs;
    this.#random = random;
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
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (this.#recentMs.length - 1), MAX_WAIT_MS);
    const spread = this.#random === undefined ? 1 : 0.5 + this.#random();
    return { kind: "restart", afterMs: waitMs * spread };
  }
}

const FIRST_WAIT_MS = 50;
const MAX_WAIT_MS = 5_000;
