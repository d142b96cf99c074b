import type { Log } from "../actors/log.ts";
import { Turns } from "../actors/turns.ts";
import type { Lease } from "../actors/unit-copy.ts";
import { encodeEntry } from "../events/log-codec.ts";
import type { Clock } from "../kernel/clock.ts";
import { shadowOf } from "./embed-context.ts";
import type { ShardState } from "./shard-state.ts";

type WarmerPorts = Readonly<{
  log: Log;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  pause(): Promise<void>;
  turns?: Turns;
}>;

/** Members of the first slice; the next ones are as large as their time allows. */
const FIRST_USERS = 2;
const USERS_MAX = 256;
/** Time that a slice is to take: a request that comes meanwhile waits for it. */
const SLICE_MS = 3;
/** After a slice its thread is left to others for so many times as long. */
const REST_FACTOR = 3;
const REST_MS_MIN = 2;
/** Patience with an entry of one's own on its way through the log. */
const FOLD_PATIENCE_MS = 10_000;
const RETRY_MS = 500;

/**
 * Carries a shard's warm-ups on. The owner appends one slice after the other to the log, each once the one before is
 * folded; every copy makes the contexts' states under a candidate ready in memory, at its own pace.
 */
export class Warmer {
  readonly #ports: WarmerPorts;
  readonly #state: ShardState;
  readonly #turns: Turns;
  readonly #shard: Readonly<{ stream: string; reaches(sequence: number, waitMs: number): Promise<boolean> }>;
  #lease: Lease | undefined;
  #isRunning = false;
  #isShadowing = false;
  #stopping = false;
  #foldMs = 0;
  #users = FIRST_USERS;

  constructor(
    ports: WarmerPorts,
    state: ShardState,
    shard: Readonly<{ stream: string; reaches(sequence: number, waitMs: number): Promise<boolean> }>,
  ) {
    this.#ports = ports;
    this.#state = state;
    this.#turns = ports.turns ?? new Turns();
    this.#shard = shard;
  }

  own(lease: Lease): void {
    this.#lease = lease;
    this.#goOn();
  }

  rest(): void {
    this.#lease = undefined;
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Entries were folded while something is being warmed up. @param tookMs - How long that took. */
  folded(tookMs: number): void {
    this.#foldMs = tookMs;
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#isRunning && this.#next() !== undefined) void this.#append();
    const { encoder } = this.#state.shadows;
    // What can't be read here is met again by whoever needs it, who tells.
    if (!this.#isShadowing && encoder !== undefined && !this.#isOver(encoder)) this.#shadow().catch(() => {});
  }

  /** The slice that is due; undefined if there is none, or it is not this copy's to append. */
  #next() {
    if (this.#stopping || this.#lease === undefined) return undefined;
    return this.#state.warmUps.find(({ done }) => !done);
  }

  async #append(): Promise<void> {
    this.#isRunning = true;
    try {
      for (let due = this.#next(); due !== undefined; due = this.#next()) {
        const { since, slices } = due;
        const isDone = await this.#turns.take(() => this.#appendSlice()).catch(() => false);
        // What the log, or the fold, did not take is tried again: it may be away.
        if (!isDone || (due.since === since && due.slices === slices)) await this.#ports.sleep(RETRY_MS);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  async #appendSlice(): Promise<boolean> {
    const due = this.#next();
    if (due === undefined) return true; // Meanwhile it has ended, or became another's.
    if (this.#lease?.isHeld() !== true) return false; // It may come back, with the next renewal.
    const { log, sleep } = this.#ports;
    const { kind: warmUp, since, slices: slice } = due;
    const users = this.#users;
    const data = encodeEntry({ kind: "warm-up-continued", warmUp, since, slice, users });
    const id = `warm-up:${since}:${slice}:${users}`;
    this.#foldMs = 0;
    const [sequence = 0] = await log.append(this.#shard.stream, [{ id, data }]);
    if (!(await this.#shard.reaches(sequence, FOLD_PATIENCE_MS))) return false;
    const fits = this.#foldMs <= 0 ? 2 : Math.min(2, Math.max(0.25, SLICE_MS / this.#foldMs));
    this.#users = Math.min(USERS_MAX, Math.max(FIRST_USERS, Math.floor(users * fits)));
    await sleep(Math.max(REST_MS_MIN, REST_FACTOR * this.#foldMs));
    return true;
  }

  /** Makes the states of the contexts in memory ready. */
  async #shadow(): Promise<void> {
    this.#isShadowing = true;
    const { clock, pause, sleep } = this.#ports;
    const { contexts, shadows } = this.#state;
    const { encoder } = shadows;
    try {
      const users = contexts.users();
      for (let at = 0; at < users.length && !this.#isOver(encoder); ) {
        const beganMs = clock.monotonicMs();
        for (; at < users.length && clock.monotonicMs() - beganMs < SLICE_MS / 3; at++) {
          const context = contexts.resident(users[at]!);
          if (context !== undefined && encoder !== undefined) shadowOf(this.#state, encoder, context);
        }
        await pause();
        await sleep(Math.max(REST_MS_MIN, REST_FACTOR * (clock.monotonicMs() - beganMs)));
      }
      // Those that have come meanwhile are few: they are made ready when the switch finds them.
      while (!this.#isOver(encoder)) await sleep(RETRY_MS);
    } finally {
      this.#isShadowing = false;
    }
  }

  #isOver(encoder: ShardState["encoder"] | undefined): boolean {
    const { shadows, encoder: inForce } = this.#state;
    return this.#stopping || shadows.encoder !== encoder || inForce === encoder || shadows.isFull;
  }
}
