import type { BlobStore } from "../../src/actors/blob-store.ts";
import type { Bus } from "../../src/actors/bus.ts";
import type { Log } from "../../src/actors/log.ts";
import type { UnitCopy } from "../../src/actors/unit-copy.ts";
import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { memoryContextStore } from "../../src/adapters/memory-context-store.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { sealedSessionTokens } from "../../src/adapters/session-tokens.ts";
import { explain } from "../../src/explain.ts";
import { exportPage } from "../../src/export-user.ts";
import { createGateway } from "../../src/gateway/gateway.ts";
import type { Clock } from "../../src/kernel/clock.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { type CopyStores, openCopy, type StorePlace } from "../../src/open-copy.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { decodeProfiles } from "../../src/profiles/profiles-codec.ts";
import { sharedPurge } from "../../src/purge-users.ts";
import { nextGeneration, releasesOf } from "../../src/releases.ts";
import { DecisionIds } from "../../src/resonance/decision-id.ts";
import type { ContextStore } from "../../src/shards/context-store.ts";
import { type ClusterAgent, DEFAULT_TIMING, joinCluster } from "../../src/supervisor/cluster-agent.ts";
import { localDeadline } from "../../src/supervisor/session.ts";
import { shardUnit, unitsOf } from "../../src/units.ts";
import { insecureBits } from "../privacy/insecure-seeded-bits.ts";
import { diskContexts, diskProfiles, wiredBlobs, wiredBus, wiredLog, wiredTable } from "./faulty-ports.ts";
import { Life } from "./life.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { hashUser, type Servers, subjects } from "./servers.ts";

/** What a simulated deployment is made of. */
export type SimShape = Readonly<{
  shards: number;
  standbys: 0 | 1 | 2;
  ringEvents: number;
  residentUsers: number;
  /** Time between two snapshots, ms; Infinity for none. Logs are trimmed behind them at once. */
  snapshotEveryMs: number;
}>;

const RETRY_MS = 200;
const REFRESH_MS = 500;
const PUBLISH_EVERY_MS = 700;

/** A node of the simulation: its disk outlives its lives. */
export class SimNode {
  readonly name: string;
  readonly contexts = new Map<number, ContextStore>();
  profiles: ProfileStore | undefined;
  life: Life | undefined;
  agent: ClusterAgent | undefined;
  readonly #servers: Servers;
  readonly #shape: SimShape;
  readonly #bug: PlantedBug | undefined;
  /** Units whose stores this life has open. */
  #opened = new Set<string>();
  #lives = 0;

  constructor(servers: Servers, name: string, shape: SimShape, bug: PlantedBug | undefined) {
    this.#servers = servers;
    this.name = name;
    this.#shape = shape;
    this.#bug = bug;
  }

  get isUp(): boolean {
    return this.life?.isAlive === true;
  }

  /** Starts the node, or starts it again over what its disk holds. */
  start(): void {
    const { random } = this.#servers;
    const name = `${this.name}#${++this.#lives}`;
    // Wall clocks are minutes apart; monotonic ones run at rates a little different.
    const skew = { wallMs: Math.floor((random() - 0.5) * 120_000), rate: 0.98 + 0.04 * random() };
    const life = new Life(this.#servers, name, skew);
    this.life = life;
    this.agent = undefined;
    this.#opened = new Set();
    this.#servers.trace(`${name} starts`);
    void this.#run(life);
  }

  kill(): void {
    this.#servers.trace(`${this.life?.name} is killed`);
    this.life?.kill();
    this.agent = undefined;
  }

  /** Loses what the disk held, as a new machine of the same name would. */
  wipe(): void {
    this.contexts.clear();
    this.profiles = undefined;
  }

  /** Hands over and ends. */
  async stop(): Promise<void> {
    const { life } = this;
    await this.agent?.stop(10_000);
    if (this.life === life) this.kill();
  }

  async #run(life: Life): Promise<void> {
    const servers = this.#servers;
    const { clock, sleep } = life;
    const bug = this.#bug;
    let ids = 0;
    const newId = (): string => `${life.name.replace("#", "-")}-${++ids}`;
    const log = wiredLog(servers, life);
    const blobs = wiredBlobs(servers, life);
    const plain = {
      log: bug?.log?.(log, servers, life) ?? log,
      bus: wiredBus(servers, life),
      releases: blobs,
      clock,
      sleep,
      newId,
      subjects,
    };
    const decisions = new DecisionIds([1, 2], life.name);
    const limits = { ringEvents: this.#shape.ringEvents, messagesMax: 1_000_000, patienceMs: 10_000 };
    const snapshots = {
      blobs: wiredBlobs(servers, life, servers.snapshots),
      compressor: identityCompressor,
      cipher: servers.cipher,
      pause: () => life.goOn(),
    };
    const explaining = {
      log: plain.log,
      releases: releasesOf(blobs),
      snapshots,
      subjects,
      clock,
      decisions,
      hashUser,
    };
    const key = { number: 0, key: new Uint8Array(32) };
    const random = (bytes: number) => new Uint8Array(bytes).map(() => Math.floor(servers.random() * 256));
    const tokens = await sealedSessionTokens({ keys: async () => [key], random, clock });
    const gateway = createGateway(
      {
        ...plain,
        decisions,
        hashUser,
        tokens,
        cellKey: new Uint8Array(32),
        explain: (question) => explain(explaining, question, limits),
        exportPage: (question) =>
          exportPage({ ...explaining, bus: plain.bus }, question, {
            ...limits,
            pageBytes: 100_000,
            pageMs: 2_000,
          }),
        log: bug?.gatewayLog?.(plain.log, servers, life) ?? plain.log,
        decodeProfiles,
        memoryBytes: () => 0,
        cluster: () => ({ nodes: [], units: [] }),
        ownerOf: (shard) => this.agent?.ownerOf(shardUnit(shard)),
        readiness: () => ({ ready: true, reasons: [] }),
        copiesOf: (shard) => this.agent?.copiesOf(shardUnit(shard)) ?? [],
      },
      { shards: this.#shape.shards, node: life.name },
    );
    for (const [endpoint, handler] of Object.entries(gateway.handlers))
      await plain.bus.serve(subjects.api(endpoint), handler, { queue: "gateways" });
    void this.#refresh(life, () => gateway.refreshDefinitions());
    void this.#refresh(life, () => gateway.refreshCatalogue());

    const table = wiredTable(servers, life);
    const deadline = localDeadline();
    while (this.agent === undefined) {
      try {
        this.agent = await joinCluster(
          {
            table: bug?.table?.(table) ?? table,
            clock,
            random: servers.random,
            sleep,
            newId,
            deadline: bug?.deadline?.(deadline) ?? deadline,
            newGeneration: () => nextGeneration(blobs),
            start: (unit) => this.#open(unit, life, plain),
            report: (line) => servers.trace(`${life.name}: ${line}`),
          },
          {
            name: this.name,
            roles: ["shards", "gateway", "profiles"],
            weight: 1,
            units: unitsOf(this.#shape.shards),
            standbys: this.#shape.standbys,
            movesMax: 2,
            timing: DEFAULT_TIMING,
          },
        );
      } catch (thrown) {
        if (!(thrown instanceof EngineError && thrown.retryable)) throw thrown;
        await sleep(RETRY_MS);
      }
    }
    const { agent } = this;
    agent.done.catch((thrown: unknown) => {
      // A node whose units fail too often is ended by its operator's service manager, which starts it again.
      servers.trace(`${life.name} gives up: ${String(thrown)}`);
      if (this.life !== life || !life.isAlive) return;
      this.kill();
      servers.time.after(1_000, () => {
        if (!this.isUp) this.start();
      });
    });
  }

  async #refresh(life: Life, act: () => Promise<void>): Promise<void> {
    while (life.isAlive) {
      await act().catch(() => {}); // The next round tries again.
      await life.sleep(REFRESH_MS);
    }
  }

  async #open(unit: string, life: Life, ports: CopyPorts): Promise<UnitCopy> {
    const { shards, ringEvents, residentUsers, snapshotEveryMs } = this.#shape;
    const servers = this.#servers;
    const snapshots = wiredBlobs(servers, life, servers.snapshots);
    const stores: CopyStores = {
      contexts: (shard) => this.#contextsAt(shard, life),
      profiles: () => this.#profilesAt(life),
    };
    const copy = await openCopy(
      unit,
      {
        ...ports,
        decisionKey: [1, 2],
        hashUser,
        purge: sharedPurge(servers.kept),
        bits: insecureBits(hash32(`${life.name} ${servers.time.nowMs()}`)),
        blobs: ports.releases,
        releases: releasesOf(ports.releases),
        snapshots: {
          blobs: this.#bug?.snapshots?.(snapshots) ?? snapshots,
          compressor: identityCompressor,
          cipher: servers.cipher,
          pause: () => life.goOn(),
        },
        report: (line) => servers.trace(`${life.name}: ${line}`),
      },
      stores,
      {
        node: this.name,
        shards,
        residentUsers,
        ringEvents,
        batchEntries: 7,
        publishEveryMs: PUBLISH_EVERY_MS,
        snapshotEveryMs,
        keepLogMs: 0,
        idleMs: Number.POSITIVE_INFINITY,
      },
    );
    const opened = this.#opened;
    if (opened.has(unit))
      servers.findings.push(`${life.name} opened a second copy of ${unit} over its store`);
    opened.add(unit);
    return {
      done: copy.done,
      own: (lease) => {
        servers.trace(`${life.name} owns ${unit}@${lease.epoch}`);
        return copy.own(lease);
      },
      drain: () => copy.drain(),
      rest: () => copy.rest(),
      lag: () => copy.lag(),
      async stop() {
        await copy.stop();
        opened.delete(unit);
      },
    };
  }

  #contextsAt(shard: number, life: Life): StorePlace<ContextStore> {
    return {
      open: () => {
        const held = this.contexts.get(shard) ?? memoryContextStore();
        this.contexts.set(shard, held);
        const disk = diskContexts(held, life);
        return this.#bug?.contexts?.(disk, held, life) ?? disk;
      },
      setAside: () => {
        this.contexts.delete(shard);
        return "nowhere";
      },
    };
  }

  #profilesAt(life: Life): StorePlace<ProfileStore> {
    return {
      open: () => {
        this.profiles ??= memoryProfileStore();
        const disk = diskProfiles(this.profiles, life);
        return this.#bug?.profiles?.(disk, this.profiles) ?? disk;
      },
      setAside: () => {
        this.profiles = undefined;
        return "nowhere";
      },
    };
  }
}

/** What a node has besides its stores. */
type CopyPorts = Readonly<{
  log: Log;
  bus: Bus;
  releases: BlobStore;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  newId(): string;
  subjects: typeof subjects;
}>;
