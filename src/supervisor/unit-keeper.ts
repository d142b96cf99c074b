import type { Lease, UnitCopy } from "../actors/unit-copy.ts";
import type { Clock } from "../kernel/clock.ts";
import { toWireError } from "../kernel/engine-error.ts";
import type { Random } from "../kernel/random.ts";
import type { Report } from "../kernel/report.ts";
import type { UnitRecord } from "./cluster-records.ts";
import type { ClusterView } from "./cluster-view.ts";
import { isReady } from "./plan-cluster.ts";
import { RestartIntensity } from "./restart-intensity.ts";
import type { SessionDeadline } from "./session.ts";
import type { UnitTable } from "./unit-table.ts";
import { Wake } from "./wake.ts";

/** What a keeper needs of the world. */
export type KeeperPorts = Readonly<{
  table: UnitTable;
  view: ClusterView;
  deadline: SessionDeadline;
  clock: Clock;
  random: Random;
  sleep(ms: number): Promise<void>;
  /** Starts this node's copy of a unit, as a standby. */
  start(unit: string): Promise<UnitCopy>;
  report: Report;
}>;

/** Who the node is at the moment: leases are bound to the session. */
export type NodeSession = Readonly<{ name: string; incarnation: string; number: number }>;

/** What this node is for a unit. */
export type UnitRole = "none" | "standby" | "owner" | "leaving";

/** The table can't be written at the moment: nothing is wrong with the copy. */
const TABLE_AWAY = ["KEY_VALUE_UNAVAILABLE"];
/** What is out of reach comes back, or an operator must see to it: giving the node up would help nobody. */
const WORLD_AWAY = ["LOG_UNAVAILABLE", "BLOBS_UNAVAILABLE", "NATS_UNREACHABLE", "NO_RESPONDERS", "TIMEOUT"];
/** Longest wait between two restarts while the world is away. */
const MAX_WAIT_MS = 5_000;
/** OTP's default of 1 in 5 s is meant for cheap processes; a copy reopens its store and reads a log, so it gets more. */
const INTENSITY = { restarts: 5, periodMs: 60_000 };
/** How often a copy that is behind is asked whether it has caught up, and a failed write of the table tried again. */
const LOOK_MS = 100;
const IDLE_MS = 1_000;
/** A copy this close to the log's end takes over within milliseconds. */
const CAUGHT_UP_ENTRIES = 500;
/** Longer than this a hand-over does not wait for outputs: what is left, the next owner publishes. */
const DRAIN_PATIENCE_MS = 2_000;
/** A copy that does not close in this time is left to the end of its thread, and no other one is opened before that. */
const STOP_PATIENCE_MS = 10_000;

/**
 * Keeps this node's copy of one unit in the state that the table asks for: none, a standby, or the owner. One loop
 * does everything, so that no two steps overlap; what fails is tried again, and a copy that fails is started anew.
 */
export class UnitKeeper {
  readonly unit: string;
  readonly #ports: KeeperPorts;
  readonly #session: () => NodeSession | undefined;
  readonly #wake: Wake;
  readonly #intensity: RestartIntensity;
  #copy: UnitCopy | undefined;
  /** A copy that has not closed its store yet. */
  #closing: Promise<void> | undefined;
  #role: UnitRole = "none";
  #lease: { epoch: number; session: number; isReleased: boolean } | undefined;
  #failure: { readonly thrown: unknown } | undefined;
  #isStopping = false;
  /** How often this node became the unit's owner, gave it to another one in order, and lost it. */
  readonly changes = { taken: 0, given: 0, lost: 0 };
  /** Settles when the keeper has ended; rejects when its copy failed too often. */
  readonly done: Promise<void>;

  constructor(ports: KeeperPorts, unit: string, session: () => NodeSession | undefined) {
    this.#ports = ports;
    this.unit = unit;
    this.#session = session;
    this.#wake = new Wake(ports.sleep);
    this.#intensity = new RestartIntensity(INTENSITY, ports.random);
    this.done = this.#run();
    this.done.catch(() => {}); // The agent is told.
  }

  get role(): UnitRole {
    return this.#role;
  }

  /** Looks again at what the table asks for. */
  look(): void {
    this.#wake.call();
  }

  /** Ends the copy: whatever it holds was handed over before, or is taken over after. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake.call();
    await this.done.catch(() => {});
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      let pauseMs: number;
      try {
        if (this.#failure !== undefined) throw this.#failure.thrown;
        pauseMs = (await this.#step()) ? 0 : this.#pauseMs();
      } catch (thrown) {
        pauseMs = await this.#failed(thrown);
      }
      if (pauseMs > 0 && !this.#isStopping) await this.#wake.wait(pauseMs);
    }
    await this.#drop();
  }

  /** Waiting copies look more often: nothing else tells them that they have caught up. */
  #pauseMs(): number {
    return this.#role === "none" ? IDLE_MS : LOOK_MS;
  }

  /** One step towards what the table asks for. @returns Whether there may be another one at once. */
  async #step(): Promise<boolean> {
    const session = this.#session();
    const record = this.#ports.view.units.get(this.unit)?.record;
    if (session === undefined || record === undefined) return this.#standDown();
    if (record.owner?.node === session.name && record.owner.incarnation === session.incarnation)
      return this.#own(session, record);
    if (this.#role === "owner" || this.#role === "leaving") return this.#yield(session, record);
    if (record.next === session.name || record.standbys.includes(session.name))
      return this.#standBy(session, record);
    if (this.#copy === undefined) return false;
    await this.#drop();
    return true;
  }

  /** Without a session nothing is held: the copy goes on folding, and answers nobody. */
  async #standDown(): Promise<boolean> {
    if (this.#role !== "owner" && this.#role !== "leaving") return false;
    await this.#release();
    return true;
  }

  async #own(session: NodeSession, record: UnitRecord): Promise<boolean> {
    const copy = await this.#open();
    if (copy === undefined) return false;
    const isNew = this.#lease?.epoch !== record.epoch || this.#lease.session !== session.number;
    if (this.#role !== "owner" || isNew) {
      await this.#take(copy, session, record.epoch);
      return true;
    }
    if (!record.serving) {
      await this.#amend(record, (now) => ({ ...now, serving: true }));
      return true;
    }
    if (record.next === null || !isReady(this.#ports.view, record, record.next)) return false;
    return this.#handOver(copy, session, record);
  }

  async #take(copy: UnitCopy, session: NodeSession, epoch: number): Promise<void> {
    if (this.#lease !== undefined) this.#lease.isReleased = true;
    const { clock, deadline } = this.#ports;
    const lease = { epoch, session: session.number, isReleased: false };
    this.#lease = lease;
    const held: Lease = {
      epoch,
      session: session.number,
      isHeld: () => !lease.isReleased && deadline.isHeld(lease.session, clock.monotonicMs()),
    };
    await copy.own(held);
    if (this.#role !== "owner") this.changes.taken++;
    this.#role = "owner";
  }

  /** Publishes what is committed, then one write makes the next node the owner; answering goes on until it answers. */
  async #handOver(copy: UnitCopy, session: NodeSession, record: UnitRecord): Promise<boolean> {
    await Promise.race([copy.drain(), this.#ports.sleep(DRAIN_PATIENCE_MS)]);
    const isDone = await this.#amend(record, (now) => {
      const { next } = now;
      const incarnation = next === null ? undefined : now.ready[next];
      if (next === null || incarnation === undefined || !isReady(this.#ports.view, now, next))
        return undefined;
      const standbys = now.standbys.map((name) => (name === next ? session.name : name));
      const { [next]: _, ...ready } = now.ready;
      // The copy that stays behind has everything: should the next owner fail, it goes on at once.
      return {
        owner: { node: next, incarnation },
        epoch: now.epoch + 1,
        serving: false,
        next: null,
        standbys,
        ready: { ...ready, [session.name]: session.incarnation },
      };
    });
    if (isDone) {
      this.#role = "leaving";
      this.changes.given++;
    } else await this.#take(copy, session, record.epoch); // It is still the owner: it publishes again.
    return true;
  }

  /** Another node owns the unit: answer until it does, unless the lease was lost instead of handed over. */
  async #yield(session: NodeSession, record: UnitRecord): Promise<boolean> {
    const handedOver = this.#role === "leaving" && this.#lease?.session === session.number;
    if (handedOver && !record.serving && this.#ports.view.isMember(record.owner)) return false;
    await this.#release();
    return true;
  }

  async #standBy(session: NodeSession, record: UnitRecord): Promise<boolean> {
    const copy = await this.#open();
    if (copy === undefined) return false;
    if (record.ready[session.name] === session.incarnation) return false;
    if ((await copy.lag()) > CAUGHT_UP_ENTRIES) return false;
    await this.#ports.table.amend(this.unit, (now) => {
      if (now === undefined || now.ready[session.name] === session.incarnation) return undefined;
      if (now.next !== session.name && !now.standbys.includes(session.name)) return undefined;
      return { ...now, ready: { ...now.ready, [session.name]: session.incarnation } };
    });
    return true;
  }

  /** Changes the record as long as it is of the same epoch. */
  #amend(record: UnitRecord, change: (now: UnitRecord) => UnitRecord | undefined): Promise<boolean> {
    return this.#ports.table.amend(this.unit, (now) =>
      now === undefined || now.epoch !== record.epoch ? undefined : change(now),
    );
  }

  async #release(): Promise<void> {
    const copy = this.#copy;
    if (this.#role === "owner") this.changes.lost++;
    if (this.#lease !== undefined) this.#lease.isReleased = true;
    this.#lease = undefined;
    this.#role = "standby";
    await copy?.rest();
  }

  /** @returns Undefined while the one before still has the store: of two each would go on from what the other has written. */
  async #open(): Promise<UnitCopy | undefined> {
    if (this.#copy !== undefined) return this.#copy;
    if (this.#closing !== undefined) return undefined;
    const copy = await this.#ports.start(this.unit);
    this.#copy = copy;
    this.#role = "standby";
    void copy.done.catch((thrown: unknown) => this.#copyFailed(copy, thrown));
    return copy;
  }

  async #drop(): Promise<void> {
    const copy = this.#copy;
    if (this.#lease !== undefined) this.#lease.isReleased = true;
    this.#lease = undefined;
    this.#copy = undefined;
    this.#failure = undefined;
    this.#role = "none";
    if (copy !== undefined) this.#closing = this.#close(copy);
    if (this.#closing !== undefined) await Promise.race([this.#closing, this.#ports.sleep(STOP_PATIENCE_MS)]);
  }

  async #close(copy: UnitCopy): Promise<void> {
    try {
      await copy.stop();
    } finally {
      this.#closing = undefined;
      this.#wake.call();
    }
  }

  /** A copy that ended by itself: the next step is told. */
  #copyFailed(copy: UnitCopy, thrown: unknown): void {
    if (this.#copy !== copy) return;
    this.#failure = { thrown };
    this.#wake.call();
  }

  /**
   * Closes what failed. Another copy that has caught up becomes the owner; else this one is started anew.
   *
   * @returns How long to wait before the next step.
   * @throws What failed, when that happened too often.
   */
  async #failed(thrown: unknown): Promise<number> {
    const error = toWireError(thrown);
    if (TABLE_AWAY.includes(error.code)) return LOOK_MS; // The copy is as it was.
    const wasOwner = this.#role === "owner";
    if (wasOwner) this.changes.lost++;
    await this.#drop().catch(() => {}); // It failed already; what it could not close is given up.
    const verdict = this.#intensity.failed(this.#ports.clock.monotonicMs());
    if (verdict.kind === "escalate" && !WORLD_AWAY.includes(error.code)) throw thrown;
    const waitMs = verdict.kind === "escalate" ? MAX_WAIT_MS : verdict.afterMs;
    this.#ports.report(
      `${this.unit} failed (${error.code}: ${error.message}): restarting in ${Math.round(waitMs)} ms`,
      { event: "unit.restarting", level: "warn", unit: this.unit, code: error.code },
    );
    if (wasOwner) await this.#cede().catch(() => {}); // Without the table the copy here is restarted.
    return waitMs;
  }

  /** Gives the unit to a copy that has caught up, since the one here can't answer for a while. */
  async #cede(): Promise<void> {
    const session = this.#session();
    if (session === undefined) return;
    await this.#ports.table.amend(this.unit, (now) => {
      if (now?.owner?.incarnation !== session.incarnation) return undefined;
      const heir = now.standbys.find((name) => isReady(this.#ports.view, now, name));
      const incarnation = heir === undefined ? undefined : now.ready[heir];
      if (heir === undefined || incarnation === undefined) return undefined;
      const { [heir]: _, ...ready } = now.ready;
      const standbys = now.standbys.map((name) => (name === heir ? session.name : name));
      const owner = { node: heir, incarnation };
      return { owner, epoch: now.epoch + 1, serving: false, next: null, standbys, ready };
    });
  }
}
