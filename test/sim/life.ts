import type { Clock } from "../../src/kernel/clock.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { Servers } from "./servers.ts";

/** How often a wait for the world is looked at again, ms. */
const LOOK_MS = 20;

/** A write on its way to a disk. */
type Write = { apply(): void; isDone: boolean };

/**
 * One incarnation of a node, and what can befall it: it is killed, stopped for a while, or cut off from the servers.
 * Everything that it does outside itself goes through here.
 */
export class Life {
  readonly name: string;
  readonly clock: Clock;
  isAlive = true;
  isPaused = false;
  isCutOff = false;
  readonly #servers: Servers;
  readonly #random: Random;
  readonly #writes: Write[] = [];
  readonly #onEnd: (() => void)[] = [];

  constructor(servers: Servers, name: string, skew: { readonly wallMs: number; readonly rate: number }) {
    this.name = name;
    this.#servers = servers;
    this.#random = servers.random;
    const { time } = servers;
    this.clock = {
      nowMs: () => time.nowMs() + skew.wallMs,
      monotonicMs: () => 1_000 + time.monotonicMs() * skew.rate,
    };
  }

  /** Resolves after a time, as long as this life goes on; never, if it ends before. */
  readonly sleep = async (ms: number): Promise<void> => {
    await this.#servers.time.sleep(ms);
    await this.goOn();
  };

  /** Waits while the node is stopped; for ever once it is dead. */
  async goOn(): Promise<void> {
    while (this.isPaused && this.isAlive) await this.#servers.time.sleep(LOOK_MS);
    if (!this.isAlive) await new Promise<never>(() => {});
  }

  /** A way over the wire. Most are short. */
  async travel(): Promise<void> {
    const ms = this.#random() < 0.02 ? 60 * this.#random() : 0.2 + 2 * this.#random();
    await this.sleep(ms);
  }

  /** Waits until the servers can be reached. @returns Whether that was before the patience ended. */
  async reaches(patienceMs: number): Promise<boolean> {
    const { time } = this.#servers;
    const deadlineMs = time.monotonicMs() + patienceMs;
    while (this.isCutOff && time.monotonicMs() < deadlineMs) await this.sleep(LOOK_MS);
    return !this.isCutOff;
  }

  /** Writes to the node's disk. A crash lets the first of the writes under way happen, and the others not. */
  async write(apply: () => void): Promise<void> {
    await this.goOn();
    const write: Write = { apply, isDone: false };
    this.#writes.push(write);
    await this.sleep(this.#random() < 0.03 ? 300 * this.#random() : 2 * this.#random());
    while (this.#writes.length > 0 && !write.isDone) this.#applyNext();
  }

  /** Calls back when this life ends. */
  onEnd(act: () => void): void {
    this.#onEnd.push(act);
  }

  kill(): void {
    const survive = Math.floor(this.#random() * (this.#writes.length + 1));
    for (let i = 0; i < survive; i++) this.#applyNext();
    this.#writes.length = 0;
    this.isAlive = false;
    for (const act of this.#onEnd) act();
  }

  #applyNext(): void {
    const write = this.#writes.shift();
    if (write === undefined) return;
    write.isDone = true;
    write.apply();
  }
}
