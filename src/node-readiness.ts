import type { UnitCopy } from "./actors/unit-copy.ts";
import { type Readiness, type ReadinessFacts, readinessOf } from "./gateway/readiness.ts";
import type { Clock } from "./kernel/clock.ts";
import type { ClusterAgent } from "./supervisor/cluster-agent.ts";

/** What a node's readiness is told from. */
export type ReadinessWorld = Readonly<{
  node: string;
  /** Every unit of the deployment. */
  units: readonly string[];
  clock: Clock;
  sleep(ms: number): Promise<void>;
  isConnected(): boolean;
  /** Is told each time the node becomes ready, or another reason makes it not so; not of what hinders it at the start. */
  changed?(readiness: Readiness): void;
}>;

/** A copy this close to the log's end has caught up. */
const CAUGHT_UP_ENTRIES = 500;
const LOOK_MS = 100;
/** A gateway waits so long for a shard's owner: a unit that changes hands faster refuses nobody anything. */
const UNSERVED_MS_MAX = 6_000;
/** The cluster's plan is made every 200 ms: what it gives a node that came is known when it has not changed for so long. */
const SETTLED_MS = 1_000;

/**
 * Whether this node is ready. It becomes so once each unit is answered for and all that was placed here at the start has caught
 * up with its log; units that come here later catch up while others answer for them, and change nothing.
 */
export class NodeReadiness {
  readonly #world: ReadinessWorld;
  readonly #caughtUp = new Map<string, UnitCopy>();
  /** When each unit was last answered for, as far as it ever was. */
  readonly #servedMs = new Map<string, number>();
  #agent: ClusterAgent | undefined;
  #isStopping = false;
  #hasStarted = false;
  /** The units placed here, and since when they are these. */
  #placed: string | undefined;
  #placedSinceMs = 0;

  constructor(world: ReadinessWorld) {
    this.#world = world;
  }

  /** Watches a copy that was opened here until it has caught up. */
  watch(unit: string, copy: UnitCopy): void {
    const gone = (): void => {
      if (this.#caughtUp.get(unit) === copy) this.#caughtUp.delete(unit);
    };
    let hasEnded = false;
    const ended = (): void => {
      hasEnded = true;
      gone();
    };
    copy.done.then(ended, ended);
    const look = async (): Promise<void> => {
      while (!hasEnded) {
        const lag = await copy.lag().catch(() => Number.POSITIVE_INFINITY); // Out of reach: the next look tells.
        if (lag <= CAUGHT_UP_ENTRIES && !hasEnded) {
          this.#caughtUp.set(unit, copy);
          return;
        }
        await this.#world.sleep(LOOK_MS);
      }
    };
    void look();
  }

  /** Looks at what the cluster says from now on. @returns Ends it. */
  follow(agent: ClusterAgent): () => Promise<void> {
    this.#agent = agent;
    let isOver = false;
    const looking = (async () => {
      let told: string | undefined;
      while (!isOver) {
        const readiness = this.now();
        const described = readiness.reasons.map(({ code }) => code).join();
        if (this.#hasStarted && described !== told) this.#world.changed?.(readiness);
        if (this.#hasStarted) told = described;
        await this.#world.sleep(LOOK_MS);
      }
    })();
    return async () => {
      isOver = true;
      await looking;
    };
  }

  /** The node stops: from now on it is not ready. */
  stopping(): void {
    this.#isStopping = true;
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  now(): Readiness {
    const agent = this.#agent;
    if (agent !== undefined) this.#look(agent);
    return readinessOf(this.#facts());
  }

  #facts(): ReadinessFacts {
    const { clock, isConnected, node, units } = this.#world;
    const agent = this.#agent;
    const nowMs = clock.monotonicMs();
    const isUnserved = (unit: string): boolean =>
      nowMs - (this.#servedMs.get(unit) ?? Number.NEGATIVE_INFINITY) > UNSERVED_MS_MAX;
    const behind = this.#hasStarted || agent === undefined ? [] : this.#behind(placedAt(agent, node));
    return {
      isStopping: this.#isStopping,
      isConnected: isConnected(),
      isInCluster: agent?.isMember() === true,
      unserved: units.filter(isUnserved),
      behind: !this.#hasStarted && behind.length === 0 ? ["the units that the cluster places here"] : behind,
    };
  }

  #look(agent: ClusterAgent): void {
    const { clock, node, units } = this.#world;
    const nowMs = clock.monotonicMs();
    const roles = agent.roles();
    for (const unit of units) {
      const owner = agent.ownerOf(unit);
      const role = roles.get(unit);
      // What the table calls this node's must also be held here: a copy that failed may be on its way back.
      if (owner === undefined || (owner === node && role !== "owner" && role !== "leaving")) continue;
      this.#servedMs.set(unit, nowMs);
    }
    if (this.#hasStarted) return;
    const placed = placedAt(agent, node);
    const described = placed.join();
    if (described !== this.#placed) {
      this.#placed = described;
      this.#placedSinceMs = nowMs;
    }
    const isSettled = nowMs - this.#placedSinceMs >= SETTLED_MS;
    this.#hasStarted = isSettled && agent.isMember() && this.#behind(placed).length === 0;
  }

  #behind(placed: readonly string[]): readonly string[] {
    return placed.filter((unit) => !this.#caughtUp.has(unit));
  }
}

/** Units that the cluster wants here: as owner, as the next one, or as a standby. */
function placedAt(agent: ClusterAgent, node: string): readonly string[] {
  const { units } = agent.status();
  return units.flatMap(({ unit, owner, next, standbys }) =>
    owner === node || next === node || standbys.includes(node) ? [unit] : [],
  );
}
