import type { Clock } from "../kernel/clock.ts";
import { fromWireError, toWireError, type WireError } from "../kernel/engine-error.ts";
import type { Random } from "../kernel/random.ts";
import { type Intensity, RestartIntensity } from "./restart-intensity.ts";

/** A child that runs. */
export type RunningChild = Readonly<{
  /** Settles when the child has ended, by itself or because it was stopped; rejects with what it failed of. */
  done: Promise<unknown>;
  stop(): Promise<void>;
}>;

/** How a child is started, again and again if need be. */
export type ChildSpec = Readonly<{ name: string; start(): Promise<RunningChild> }>;

/**
 * Which children are started anew when one has ended: it alone, all of them, or it and those started after it,
 * which rely on it.
 *
 * @see Erlang/OTP Design Principles, "Supervisor Behaviour", restart strategy.
 */
export type Strategy = "one-for-one" | "one-for-all" | "rest-for-one";

export type SupervisorPorts = Readonly<{
  clock: Clock;
  random: Random;
  sleep(ms: number): Promise<void>;
  /** Hears of each child that ended, and of the wait before its restart. */
  restarting(child: string, error: WireError, afterMs: number): void;
}>;

/** Children that are kept running. */
export type Supervisor = Readonly<{
  /** Rejects, with what the last child failed of, when restarts exceed the intensity; resolves after `stop`. */
  done: Promise<void>;
  /** Restarts so far. */
  restarts(): number;
  /** Stops the children, the last one first. */
  stop(): Promise<void>;
}>;

type Child = { readonly spec: ChildSpec; running: RunningChild | undefined };

/**
 * Starts children in order and keeps them running: one that ends unasked is started anew, with those that the
 * strategy names, after a wait that doubles; more than the intensity allows ends them all, and is the parent's to
 * answer.
 *
 * @throws What a child's first start throws; those before it are stopped again.
 */
export async function startSupervisor(
  specs: readonly ChildSpec[],
  options: Readonly<{ strategy: Strategy; intensity: Intensity }>,
  ports: SupervisorPorts,
): Promise<Supervisor> {
  const supervisor = new OtpSupervisor(specs, options, ports);
  await supervisor.startAll();
  return supervisor;
}

class OtpSupervisor implements Supervisor {
  readonly done: Promise<void>;
  readonly #children: readonly Child[];
  readonly #strategy: Strategy;
  readonly #intensity: RestartIntensity;
  readonly #ports: SupervisorPorts;
  readonly #ended = Promise.withResolvers<void>();
  /** One thing after the other: a second failure waits for the restart that the first one caused. */
  #turn: Promise<void> = Promise.resolve();
  #restarts = 0;
  #isStopping = false;

  constructor(
    specs: readonly ChildSpec[],
    { strategy, intensity }: Readonly<{ strategy: Strategy; intensity: Intensity }>,
    ports: SupervisorPorts,
  ) {
    this.#children = specs.map((spec) => ({ spec, running: undefined }));
    this.#strategy = strategy;
    this.#intensity = new RestartIntensity(intensity, ports.random);
    this.#ports = ports;
    this.done = this.#ended.promise;
    this.done.catch(() => {}); // Told to whoever awaits it.
  }

  async startAll(): Promise<void> {
    try {
      for (const child of this.#children) await this.#start(child);
    } catch (thrown) {
      this.#isStopping = true;
      await this.#stopFrom(0);
      throw thrown;
    }
  }

  restarts(): number {
    return this.#restarts;
  }

  async stop(): Promise<void> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      await this.#turn;
      await this.#stopFrom(0);
    }
    this.#ended.resolve();
  }

  async #start(child: Child): Promise<void> {
    const running = await child.spec.start();
    child.running = running;
    const ended = (thrown: unknown): void => {
      if (child.running !== running || this.#isStopping) return; // It was stopped, not lost.
      child.running = undefined;
      this.#turn = this.#turn.then(() => this.#restart(child, thrown));
    };
    running.done.then(() => ended(UNASKED), ended);
  }

  async #restart(child: Child, thrown: unknown): Promise<void> {
    let failure = thrown;
    while (!this.#isStopping) {
      const error = failure === UNASKED ? UNASKED : toWireError(failure);
      const verdict = this.#intensity.failed(this.#ports.clock.monotonicMs());
      if (verdict.kind === "escalate") return this.#escalate(failure);
      this.#restarts++;
      this.#ports.restarting(child.spec.name, error, verdict.afterMs);
      const affected = this.#affectedBy(child);
      for (const other of affected.toReversed()) await this.#stopOne(other);
      await this.#ports.sleep(verdict.afterMs);
      try {
        for (const other of affected)
          if (!this.#isStopping && other.running === undefined) await this.#start(other);
        return;
      } catch (again) {
        failure = again;
      }
    }
  }

  #affectedBy(child: Child): Child[] {
    if (this.#strategy === "one-for-one") return [child];
    if (this.#strategy === "one-for-all") return [...this.#children];
    return this.#children.slice(this.#children.indexOf(child));
  }

  async #escalate(thrown: unknown): Promise<void> {
    this.#isStopping = true;
    await this.#stopFrom(0);
    this.#ended.reject(thrown === UNASKED ? fromWireError(UNASKED) : thrown);
  }

  async #stopFrom(index: number): Promise<void> {
    for (const child of this.#children.slice(index).toReversed()) await this.#stopOne(child);
  }

  async #stopOne(child: Child): Promise<void> {
    const { running } = child;
    child.running = undefined;
    if (running === undefined) return;
    await running.stop();
    await running.done.catch(() => {}); // It ends because it was told to.
  }
}

const UNASKED: WireError = {
  code: "CHILD_ENDED",
  message: "it ended without being asked to",
  retryable: true,
};
