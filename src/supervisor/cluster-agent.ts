import type { KeyValue } from "../actors/key-value.ts";
import type { UnitCopy } from "../actors/unit-copy.ts";
import type { Clock } from "../kernel/clock.ts";
import { toWireError } from "../kernel/engine-error.ts";
import type { Random } from "../kernel/random.ts";
import type { Report } from "../kernel/report.ts";
import { decodeNode, encodeRecord, type NodeRecord, type NodeRole, nodeKey } from "./cluster-records.ts";
import { ClusterView } from "./cluster-view.ts";
import type { NodeBuild } from "./node-build.ts";
import { planCluster, type Unit } from "./plan-cluster.ts";
import type { SessionDeadline } from "./session.ts";
import { type NodeSession, UnitKeeper, type UnitRole } from "./unit-keeper.ts";
import { UnitTable } from "./unit-table.ts";
import { Wake } from "./wake.ts";

/** What an agent needs of the world. */
export type AgentPorts = Readonly<{
  table: KeyValue;
  clock: Clock;
  random: Random;
  sleep(ms: number): Promise<void>;
  /** A new unique id. */
  newId(): string;
  deadline: SessionDeadline;
  /**
   * A number from 0 that nobody was given before, kept elsewhere than in the table: epochs made for units that the
   * table does not know must be new ones even if the table was lost.
   */
  newGeneration(): Promise<number>;
  /** Starts this node's copy of a unit, as a standby. */
  start(unit: string): Promise<UnitCopy>;
  /** Is told what happens, a line each. */
  report: Report;
}>;

export type AgentOptions = Readonly<{
  /** Unique in the cluster, and the same after a restart: units come back to where their store is. */
  name: string;
  roles: readonly NodeRole[];
  /** Capacity, relative to the other nodes'. */
  weight: number;
  /** Every unit of the deployment. */
  units: readonly Unit[];
  /** Copies of each unit beside the owner's. */
  standbys: 0 | 1 | 2;
  /** Owners that change at one time while all are alive. */
  movesMax: number;
  timing: ClusterTiming;
  /** What this node runs, told to the others. */
  build?: NodeBuild;
}>;

/** When a silent node is given up. The owner's patience is the shorter, so it stops before another one starts. */
export type ClusterTiming = Readonly<{
  /** Time between two renewals, ms. */
  beatMs: number;
  /** After so long without a renewal that succeeded, a node answers and publishes no more, ms. */
  ownPatienceMs: number;
  /** After so long without a sign of a node, the others take over from it, ms. */
  othersPatienceMs: number;
}>;

/** 2 s until a dead node is given up leave 1 s of the 3 s goal for its units to answer again. */
export const DEFAULT_TIMING: ClusterTiming = { beatMs: 400, ownPatienceMs: 1_500, othersPatienceMs: 2_000 };

/** The cluster as a node sees it. */
export type ClusterStatus = Readonly<{
  nodes: readonly Readonly<{
    name: string;
    roles: readonly NodeRole[];
    weight: number;
    leaving: boolean;
    /** Version of what it runs; left out if it does not tell. */
    version?: string;
    /** Milliseconds since its last sign, as this node saw it. */
    silentMs: number;
    /** Units that it owns, and those of which it keeps a copy. */
    owns: readonly string[];
    standsBy: readonly string[];
  }>[];
  units: readonly Readonly<{
    unit: string;
    owner: string | null;
    epoch: number;
    serving: boolean;
    next: string | null;
    standbys: readonly string[];
    /** Those of the standbys that have caught up. */
    ready: readonly string[];
  }>[];
}>;

/** A node's part in the cluster. */
export type ClusterAgent = Readonly<{
  /** Rejects when a unit failed too often; resolves after `stop`. */
  done: Promise<void>;
  status(): ClusterStatus;
  /** Whether its own lease holds: else it answers for nothing. */
  isMember(): boolean;
  /** The node that answers for a unit, as this one sees it; undefined while the owner changes. */
  ownerOf(unit: string): string | undefined;
  /** Nodes whose copies of a unit have caught up, as far as this node knows: standbys first, then the owner. */
  copiesOf(unit: string): readonly string[];
  /** What this node is for each unit that it has a part in. */
  roles(): ReadonlyMap<string, UnitRole>;
  /** How often units came here, were handed over to other nodes, and were lost, since the start. */
  changes(): Readonly<{ taken: number; given: number; lost: number }>;
  /** Hands everything over, at most as long as that, and leaves. */
  stop(patienceMs: number): Promise<void>;
}>;

/** How often a node looks for others that are silent, and plans if it is its turn. */
const PLAN_MS = 200;
/** How often everything is read again: a watch may lose a removal. */
const RELOAD_MS = 5_000;
const RETRY_MS = 100;
/** Patience with a table that does not answer at the start: a cluster of servers may elect the bucket's leader. */
const JOIN_PATIENCE_MS = 30_000;
/** More than any table lives to see. */
const EPOCHS_A_GENERATION = 1_000_000;

/**
 * Joins the cluster: a record that is renewed, a view of everybody's, a keeper for each unit, and, if this node is
 * the first by name of those alive, the plan of who owns what.
 *
 * @throws EngineError `KEY_VALUE_UNAVAILABLE` (retryable) if the table can't be reached for long at the start.
 */
export async function joinCluster(ports: AgentPorts, options: AgentOptions): Promise<ClusterAgent> {
  const agent = new Agent(ports, options);
  await agent.join();
  return agent;
}

class Agent implements ClusterAgent {
  readonly done: Promise<void>;
  readonly #ports: AgentPorts;
  readonly #options: AgentOptions;
  readonly #view = new ClusterView();
  readonly #units: UnitTable;
  readonly #keepers: readonly UnitKeeper[];
  readonly #planWake: Wake;
  readonly #failed = Promise.withResolvers<void>();
  #session: NodeSession | undefined;
  #record: NodeRecord | undefined;
  #revision = 0;
  /** The last renewal that succeeded, and the first one since the table was out of reach for longer than a lease lasts. */
  #renewedMs = Number.NEGATIVE_INFINITY;
  #inReachSinceMs = Number.NEGATIVE_INFINITY;
  #isLeaving = false;
  #isStopping = false;
  #loops: Promise<unknown> = Promise.resolve();
  #closeWatch: () => Promise<void> = async () => {};

  constructor(ports: AgentPorts, options: AgentOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#units = new UnitTable(ports.table, this.#view);
    this.#planWake = new Wake(ports.sleep);
    this.done = this.#failed.promise;
    this.done.catch(() => {}); // Told to whoever awaits it.
    const { clock, deadline, random, report, sleep } = ports;
    const keeperPorts = {
      table: this.#units,
      view: this.#view,
      deadline,
      clock,
      random,
      sleep,
      start: (unit: string) => ports.start(unit),
      report,
    };
    const mine = options.units.filter((unit) => options.roles.includes(unit.role));
    this.#keepers = mine.map((unit) => new UnitKeeper(keeperPorts, unit.name, () => this.#session));
    for (const keeper of this.#keepers) keeper.done.catch((thrown) => this.#failed.reject(thrown));
  }

  async join(): Promise<void> {
    const watching = await this.#patiently(async () => {
      await this.#reload();
      await this.#begin();
      return this.#ports.table.watch("", (change) => {
        if (this.#view.apply(change, this.#ports.clock.monotonicMs())) this.#changed();
      });
    });
    this.#closeWatch = () => watching.close();
    this.#loops = Promise.all([this.#renewForEver(), this.#planForEver(), this.#reloadForEver()]);
    this.#loops.catch((thrown) => this.#failed.reject(thrown));
    this.#changed();
  }

  status(): ClusterStatus {
    const nowMs = this.#ports.clock.monotonicMs();
    const units = this.#options.units.flatMap(({ name }) => {
      const record = this.#view.units.get(name)?.record;
      if (record === undefined) return [];
      const { epoch, next, serving, standbys } = record;
      const owner = this.#view.isMember(record.owner) ? (record.owner?.node ?? null) : null;
      const ready = standbys.filter(
        (node) => record.ready[node] === this.#view.nodes.get(node)?.record.incarnation,
      );
      return [{ unit: name, owner, epoch, serving: serving && owner !== null, next, standbys, ready }];
    });
    const nodes = [...this.#view.nodes.values()].map(({ record, seenMs }) => ({
      name: record.name,
      roles: record.roles,
      weight: record.weight,
      leaving: record.leaving,
      ...(record.build === undefined ? {} : { version: record.build.version }),
      silentMs: record.name === this.#options.name ? 0 : Math.max(0, nowMs - seenMs),
      owns: units.filter((unit) => unit.owner === record.name).map(({ unit }) => unit),
      standsBy: units.filter((unit) => unit.standbys.includes(record.name)).map(({ unit }) => unit),
    }));
    return { nodes: nodes.sort((a, b) => (a.name < b.name ? -1 : 1)), units };
  }

  isMember(): boolean {
    const { clock, deadline } = this.#ports;
    return this.#session !== undefined && deadline.isHeld(this.#session.number, clock.monotonicMs());
  }

  ownerOf(unit: string): string | undefined {
    const record = this.#view.units.get(unit)?.record;
    return record?.serving === true && this.#view.isMember(record.owner) ? record.owner?.node : undefined;
  }

  copiesOf(unit: string): readonly string[] {
    const record = this.#view.units.get(unit)?.record;
    if (record === undefined) return [];
    const owner = record.owner?.node;
    // Also if the table is out of reach: what it said last is where the copies are.
    const ready = Object.keys(record.ready).filter((node) => node !== owner);
    return owner === undefined ? ready : [...ready, owner];
  }

  roles(): ReadonlyMap<string, UnitRole> {
    return new Map(this.#keepers.map((keeper) => [keeper.unit, keeper.role]));
  }

  changes(): Readonly<{ taken: number; given: number; lost: number }> {
    const sum = { taken: 0, given: 0, lost: 0 };
    for (const { changes } of this.#keepers) {
      sum.taken += changes.taken;
      sum.given += changes.given;
      sum.lost += changes.lost;
    }
    return sum;
  }

  async stop(patienceMs: number): Promise<void> {
    if (this.#isStopping) return;
    this.#isLeaving = true;
    const { clock, sleep } = this.#ports;
    const deadlineMs = clock.monotonicMs() + patienceMs;
    await this.#renew().catch(() => {}); // The next renewal says it too.
    this.#changed();
    while (this.#hasHeirs() && this.#holdsAny() && clock.monotonicMs() < deadlineMs)
      await sleep(RETRY_MS / 2);
    this.#isStopping = true;
    this.#planWake.call();
    await Promise.all(this.#keepers.map((keeper) => keeper.stop()));
    await this.#loops.catch(() => {});
    await this.#closeWatch();
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined)
      await this.#ports.table.remove(nodeKey(this.#options.name), this.#revision).catch(() => false); // It runs out.
    this.#failed.resolve();
  }

  async #patiently<Result>(act: () => Promise<Result>): Promise<Result> {
    const { clock, sleep } = this.#ports;
    const deadlineMs = clock.monotonicMs() + JOIN_PATIENCE_MS;
    while (true) {
      try {
        return await act();
      } catch (thrown) {
        if (!isAway(thrown) || clock.monotonicMs() >= deadlineMs) throw thrown;
        await sleep(RETRY_MS);
      }
    }
  }

  /** Whether somebody else can take what this node holds. */
  #hasHeirs(): boolean {
    const { name } = this.#options;
    const nowMs = this.#ports.clock.monotonicMs();
    for (const { record, seenMs } of this.#view.nodes.values()) {
      if (record.name === name || record.leaving) continue;
      if (nowMs - seenMs > this.#options.timing.othersPatienceMs) continue;
      if (record.roles.some((role) => role !== "gateway" && this.#options.roles.includes(role))) return true;
    }
    return false;
  }

  #holdsAny(): boolean {
    return this.#keepers.some((keeper) => keeper.role === "owner" || keeper.role === "leaving");
  }

  /** Begins a session: what an earlier incarnation of this node held is orphaned by it. */
  async #begin(): Promise<void> {
    const { clock, deadline, newId, table } = this.#ports;
    const { name, roles, weight, build } = this.#options;
    const key = nodeKey(name);
    while (true) {
      const held = await table.get(key);
      const incarnation = newId();
      const record: NodeRecord = {
        name,
        incarnation,
        roles,
        weight,
        leaving: this.#isLeaving,
        beat: 0,
        epochSeen: this.#view.epochSeen,
        ...(build === undefined ? {} : { build }),
      };
      const beganMs = clock.monotonicMs();
      const value = encodeRecord(record);
      const revision = await table.swap(key, value, held?.revision ?? 0);
      if (revision === undefined) continue; // Another process of this name: the newest wins, the other is told.
      const number = deadline.begin();
      deadline.extend(number, beganMs + this.#options.timing.ownPatienceMs);
      this.#record = record;
      this.#revision = revision;
      this.#session = { name, incarnation, number };
      this.#noteRenewal();
      this.#view.apply({ key, value, revision }, clock.monotonicMs());
      return;
    }
  }

  async #renewForEver(): Promise<void> {
    const { beatMs } = this.#options.timing;
    while (!this.#isStopping) {
      await this.#ports.sleep(beatMs * (0.8 + 0.4 * this.#ports.random()));
      if (this.#isStopping) return;
      try {
        if (this.#session === undefined) await this.#rejoin();
        else await this.#renew();
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
      }
    }
  }

  async #renew(): Promise<void> {
    const { clock, deadline, table } = this.#ports;
    const session = this.#session;
    const before = this.#record;
    if (session === undefined || before === undefined) return;
    const key = nodeKey(before.name);
    const beganMs = clock.monotonicMs();
    const record = {
      ...before,
      leaving: this.#isLeaving,
      beat: before.beat + 1,
      epochSeen: this.#view.epochSeen,
    };
    const value = encodeRecord(record);
    const revision = await table.swap(key, value, this.#revision);
    if (revision !== undefined) {
      this.#record = record;
      this.#revision = revision;
      // A lease that lapsed does not come back: another node may have answered meanwhile.
      const isLapsed = !deadline.isHeld(session.number, clock.monotonicMs());
      const number = isLapsed ? deadline.begin() : session.number;
      deadline.extend(number, beganMs + this.#options.timing.ownPatienceMs);
      if (isLapsed) {
        this.#session = { ...session, number };
        this.#changed();
      }
      this.#noteRenewal();
      if (this.#view.apply({ key, value, revision }, clock.monotonicMs())) this.#changed();
      return;
    }
    // A renewal whose answer was lost has changed the revision; anything else means that others gave this node up.
    const held = await table.get(key);
    if (held !== undefined && decodeNode(held.value).incarnation === session.incarnation) {
      this.#revision = held.revision;
      return this.#renew();
    }
    this.#ports.report("the cluster has given this node up: it lets go of everything and joins again", {
      event: "cluster.given-up",
      level: "warn",
    });
    this.#session = undefined;
    deadline.begin();
    this.#view.reset();
    this.#changed();
    await this.#rejoin();
  }

  #noteRenewal(): void {
    const nowMs = this.#ports.clock.monotonicMs();
    if (nowMs - this.#renewedMs > this.#options.timing.ownPatienceMs) this.#inReachSinceMs = nowMs;
    this.#renewedMs = nowMs;
  }

  async #rejoin(): Promise<void> {
    if (this.#isLeaving) return;
    this.#view.reset();
    await this.#reload();
    await this.#begin();
    this.#changed();
  }

  async #reloadForEver(): Promise<void> {
    while (!this.#isStopping) {
      const untilMs = this.#ports.clock.monotonicMs() + RELOAD_MS;
      while (!this.#isStopping && this.#ports.clock.monotonicMs() < untilMs) await this.#ports.sleep(PLAN_MS);
      if (this.#isStopping) return;
      try {
        await this.#reload();
        this.#changed();
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
      }
    }
  }

  async #reload(): Promise<void> {
    const knownBefore = this.#view.revision;
    const entries = await this.#ports.table.entries("");
    this.#view.load(entries, this.#ports.clock.monotonicMs(), knownBefore);
  }

  async #planForEver(): Promise<void> {
    while (!this.#isStopping) {
      await this.#planWake.wait(PLAN_MS);
      if (this.#isStopping) return;
      try {
        if (await this.#plan()) this.#planWake.call();
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        await this.#ports.sleep(RETRY_MS);
      }
    }
  }

  /** @returns Whether something was changed, so that there may be more to plan. */
  async #plan(): Promise<boolean> {
    const session = this.#session;
    if (session === undefined || !this.isMember()) return false;
    const live = this.#live();
    if ([...live].sort()[0] !== session.name) return false;
    await this.#buryTheDead(live);
    const { movesMax, standbys, units } = this.#options;
    if (units.some(({ name }) => !this.#view.units.has(name))) {
      const generation = await this.#ports.newGeneration();
      this.#view.epochSeen = Math.max(this.#view.epochSeen, generation * EPOCHS_A_GENERATION);
    }
    let isChanged = false;
    for (const { unit, change } of planCluster(this.#view, live, units, { movesMax, standbys })) {
      if (await this.#units.amend(unit, change)) isChanged = true;
    }
    if (isChanged) this.#changed();
    return isChanged;
  }

  /** Who was heard lately. While the table was out of reach nobody could be heard: that is no silence of theirs. */
  #live(): Set<string> {
    const nowMs = this.#ports.clock.monotonicMs();
    const { othersPatienceMs } = this.#options.timing;
    const live = new Set<string>();
    for (const [name, { seenMs }] of this.#view.nodes)
      if (name === this.#options.name || nowMs - Math.max(seenMs, this.#inReachSinceMs) <= othersPatienceMs)
        live.add(name);
    return live;
  }

  /** Removes who was silent for too long: had they renewed since, the removal would fail. */
  async #buryTheDead(live: ReadonlySet<string>): Promise<void> {
    for (const [name, { revision }] of [...this.#view.nodes]) {
      if (live.has(name)) continue;
      if (!(await this.#ports.table.remove(nodeKey(name), revision))) continue;
      if (this.#view.nodes.get(name)?.revision === revision) this.#view.nodes.delete(name);
      this.#ports.report(`node ${name} was silent for too long: its units go to others`, {
        event: "cluster.node-gone",
        level: "warn",
      });
    }
  }

  #changed(): void {
    for (const keeper of this.#keepers) keeper.look();
    this.#planWake.call();
  }
}

function isAway(thrown: unknown): boolean {
  return ["KEY_VALUE_UNAVAILABLE", "BLOBS_UNAVAILABLE"].includes(toWireError(thrown).code);
}
