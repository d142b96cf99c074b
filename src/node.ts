import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bus } from "./actors/bus.ts";
import { operatorTrail } from "./actors/operator-trail.ts";
import { deploymentKeys, SECRETS_PREFIX } from "./adapters/deployment-keys.ts";
import { entropyBytes, newId } from "./adapters/entropy.ts";
import { lockFolder } from "./adapters/folder-lock.ts";
import { keptName } from "./adapters/kept-name.ts";
import { natsAccess, urlsOf } from "./adapters/nats-access.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { replicasFor } from "./adapters/nats-cluster.ts";
import { abilitiesOf, connectNats } from "./adapters/nats-connection.ts";
import { isConnected, onRefusal, reconnectsOf } from "./adapters/nats-connectivity.ts";
import { natsKeyValue } from "./adapters/nats-key-value.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { type RunningNatsServer, startNatsServer } from "./adapters/nats-server.ts";
import { mountService } from "./adapters/nats-service.ts";
import { startTracing } from "./adapters/otel-tracing.ts";
import { version } from "./adapters/package-version.ts";
import { sealedSessionTokens } from "./adapters/session-tokens.ts";
import { sharedDeadline } from "./adapters/shared-deadline.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { threadPool } from "./adapters/thread-pool.ts";
import { removeUnusedStores } from "./adapters/unused-stores.ts";
import { clientRoutes } from "./client-routes.ts";
import { consoleRoutes } from "./console/console-routes.ts";
import { LiveMaps } from "./console/live-map.ts";
import { liveMapRoutes } from "./console/live-map-routes.ts";
import { startViews } from "./console-views.ts";
import { keepDeployment } from "./deployment.ts";
import { alertChanges, lastAlerts, measureDrift } from "./drift-monitor.ts";
import { type Subjects, subjectsOf } from "./events/subjects.ts";
import { startExplainer } from "./explainer.ts";
import { createGateway } from "./gateway/gateway.ts";
import { countUp, type GatewayPorts } from "./gateway/gateway-ports.ts";
import { engineRoutes } from "./gateway/http/engine-routes.ts";
import { type HealthSource, healthRoutes } from "./gateway/http/health-routes.ts";
import { watchRoutes } from "./gateway/http/watch-routes.ts";
import type { Readiness } from "./gateway/readiness.ts";
import { EngineError, fromWireError, toWireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import type { Report } from "./kernel/report.ts";
import { shardsFolder } from "./lmdb-stores.ts";
import type { MeasuredDrift } from "./metrics/profile-samples.ts";
import { nodeBuild } from "./node-build.ts";
import { nodeMetrics } from "./node-metrics.ts";
import type { NodeOptions } from "./node-options.ts";
import { NodeReadiness } from "./node-readiness.ts";
import { userHasher } from "./privacy/user-hash.ts";
import { decodeProfiles } from "./profiles/profiles-codec.ts";
import type { RecalibrationResult } from "./recalibration-task.ts";
import { recalibrationLoop, startRecalibrator } from "./recalibrator.ts";
import { decisionKeyOf, nextGeneration } from "./releases.ts";
import { DecisionIds } from "./resonance/decision-id.ts";
import { startAdmin } from "./start-admin.ts";
import { startHttp } from "./start-http.ts";
import {
  type ClusterAgent,
  type ClusterStatus,
  DEFAULT_TIMING,
  joinCluster,
} from "./supervisor/cluster-agent.ts";
import type { NodeRole } from "./supervisor/cluster-records.ts";
import { refuseIncompatible } from "./supervisor/refuse-incompatible.ts";
import { type RunningChild, startSupervisor } from "./supervisor/supervisor.ts";
import { startTrainer, type Trainer, type TrainHow, type TrainRequest } from "./trainer.ts";
import type { TrainingResult } from "./training-task.ts";
import type { UnitThreadTask } from "./unit-thread-task.ts";
import { startUnitThreads, type UnitThreads } from "./unit-threads.ts";
import { PROFILES_UNIT, shardUnit, unitsOf } from "./units.ts";
import { type WhatIfRequest, whatIf } from "./what-if.ts";

/** A node that runs: its threads, its gateway, and the NATS server if it is embedded. */
export type RunningNode = Readonly<{
  /** Unique in the cluster, and the same after a restart. */
  name: string;
  /** URL of the NATS server that the node uses. */
  natsUrl: string;
  /** Where it takes requests over HTTP, if it does. */
  httpUrl?: string;
  /** Where its console is, if it serves one. */
  adminUrl?: string;
  /** The server's version, and where an embedded one was found; `given` if its URL was. */
  nats: Readonly<{ version: string; source: string }>;
  /** Settles when the node can't go on: a thread or the embedded server failed too often. */
  failed: Promise<EngineError>;
  /** Fits a new encoder from the members held and rolls it out; one at a time. */
  train(how?: TrainHow): Promise<TrainingResult>;
  /** Fits the calibrations of the encoder in force anew; they serve from the next publication on. */
  calibrate(): Promise<RecalibrationResult>;
  /** The cluster as this node sees it. */
  cluster(): ClusterStatus;
  /** Whether it may be sent requests. */
  readiness(): Readiness;
  /**
   * Is not ready any more, and goes on answering, for as long as load balancers need to see it (`drainMs`); hands over to other
   * nodes if there are any; ends the answers under way, HTTP first; drains and commits every copy, then closes all.
   */
  stop(): Promise<void>;
  /** A stop that takes longer hangs, ms. */
  stopMsMax: number;
}>;

/** A unit's new objects are garbage at once, or stay: with more room they cost as much, and memory besides. */
const UNIT_YOUNG_MIB = 12;
/**
 * Room of a thread of shards for objects that stay: four times what a resident user takes there (1.5 KiB), as some have long
 * traits, and as much again as everything else needs.
 */
const UNIT_OLD_MIB = { base: 512, user: 6 / 1_024 } as const;
/** Threads for fits and other work without state: one, so that it never starves the shards. */
const COMPUTE_THREADS = 1;
const COMPUTE_NICE = 10;
/** How long a node that stops waits for others to take over. */
const HAND_OVER_PATIENCE_MS = 30_000;
/** After the hand-over: 10 s for copies to close, 5 s for answers over HTTP, 15 s for threads to end. */
const CLOSE_PATIENCE_MS = 30_000;
/** How often the drift of the release in force is measured. */
const DRIFT_EVERY_MS = 600_000;
/** How often is looked for stores that nobody uses any more, and how long those stay at least. */
const UNUSED_EVERY_MS = 3_600_000;
const UNUSED_MS_MIN = 86_400_000;
const SERVED_CHECK_MS = 20;
/** How often a node that can't be ready yet says what it waits for. */
const WAITING_TOLD_MS = 5_000;
/** A server that can't stay up, for a full disk or a broken store, is the operator's to see to. */
const NATS_INTENSITY = { restarts: 5, periodMs: 60_000 };

/**
 * Starts a node: NATS (embedded unless given), shard threads, the profile thread and the gateway.
 *
 * @param report - Is told what happens, a line each: where the server comes from, restarts, fits.
 * @throws EngineError `NATS_SERVER_UNAVAILABLE`, `NATS_UNREACHABLE`, `SHARDS_FIXED`, `RESHARDING`,
 * `DATA_IN_USE`, `RESTORING`, `INCOMPATIBLE_NODE`.
 */
export async function startNode(options: NodeOptions, report: Report): Promise<RunningNode> {
  await mkdir(options.dataDir, { recursive: true });
  const closers: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await compose(options, report, closers, stop);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

async function compose(
  options: NodeOptions,
  reportTo: Report,
  closers: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<RunningNode> {
  closers.push(await lockFolder(options.dataDir));
  const name = options.name ?? (await keptName(options.dataDir));
  const report: Report = (line, facts) => reportTo(line, { node: name, ...facts });
  let fail: (error: EngineError) => void = () => {};
  const failed = new Promise<EngineError>((resolve) => {
    fail = resolve;
  });

  const tracing = await startTracing(process.env, { node: name, thread: "gateway" });
  if (tracing !== undefined) closers.push(() => tracing.close());
  const server = options.nats === undefined ? await embeddedNats(options, report, fail) : undefined;
  if (server !== undefined) closers.push(() => server.stop());
  const nats = natsAccess(options.nats ?? server?.url ?? "", options.identity);
  const natsUrl = urlsOf(nats);
  const connection = await connectNats({ ...nats, name });
  closers.push(() => connection.close());
  onRefusal(connection, (reason) =>
    report(
      `NATS does not know this node any more (${reason}): it goes on trying, with what its credentials' files hold`,
      { event: "nats.refused", level: "error", code: "NATS_UNAUTHORIZED" },
    ),
  );

  // Renewals of leases must not queue behind what a busy gateway sends and receives.
  const toTable = await connectNats({ ...nats, name: `${name} cluster` });
  closers.push(() => toTable.close());

  const replicas = await replicasFor(connection);
  const log = await NatsLog.over(connection, { replicas });
  const trail = operatorTrail(report, options.prefix, systemClock.monotonicMs);
  const bus = natsBus(connection, trail);
  const releases = await natsBlobStore(connection, subjectsOf(options.prefix), { replicas });
  const { generation } = await keepDeployment(releases, options.shards);
  const subjects = subjectsOf(options.prefix, generation);
  const table = await natsKeyValue(toTable, subjects.cluster, { replicas });
  const build = nodeBuild(version());
  await refuseIncompatible(table, { name, build }, (ms) => sleep(ms));
  await ensureStreams(log, subjects, options.shards);

  const deadline = sharedDeadline();
  const task: UnitThreadTask = {
    nats,
    node: name,
    dataDir: options.dataDir,
    prefix: options.prefix,
    generation,
    replicas,
    shards: options.shards,
    residentUsers: options.residentUsers,
    ringEvents: options.ringEvents,
    batchEntries: options.batchEntries,
    publishEveryMs: options.publishEveryMs,
    snapshotEveryMs: options.snapshotEveryMs,
    keepLogMs: options.keepLogMs,
    idleMs: options.idleMs,
    deadline: deadline.memory,
  };
  const module = new URL("./unit-thread", import.meta.url);
  const startThreads = (
    role: NodeRole,
    room: { readonly threads: number; readonly oldMiB?: number },
  ): UnitThreads | undefined => {
    if (!options.roles.includes(role)) return undefined;
    const { threads } = room;
    const pool = threadPool(module, { ...room, youngMiB: UNIT_YOUNG_MIB });
    closers.push(() => pool.close());
    const started = startUnitThreads(pool, threads, task, report);
    closers.push(() => started.stop());
    started.failed.catch((thrown) => fail(asEngineError(thrown)));
    return started;
  };
  // The profile actor has a thread of its own: its sums are made beside the folding of shards, not instead of it.
  const threads = {
    shards: startThreads("shards", { threads: options.threads, oldMiB: shardThreadMiB(options) }),
    profiles: startThreads("profiles", { threads: 1 }),
  };
  const compute = threadPool(new URL("./training-task", import.meta.url), {
    threads: COMPUTE_THREADS,
    nice: COMPUTE_NICE,
  });
  closers.push(() => compute.close());

  const unitNames = unitsOf(options.shards).map((unit) => unit.name);
  const readiness = new NodeReadiness({
    node: name,
    units: unitNames,
    clock: systemClock,
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
    isConnected: () => isConnected(connection) && isConnected(toTable),
    changed: (now) => tellReadiness(now, report),
  });
  const health: HealthSource = {
    silentMs: () => Math.max(threads.shards?.silentMs() ?? 0, threads.profiles?.silentMs() ?? 0),
    readiness: () => readiness.now(),
  };
  const agent = await joinCluster(
    {
      table,
      clock: systemClock,
      random: Math.random,
      sleep: (ms) => sleep(ms, undefined, { ref: false }),
      newId,
      deadline,
      newGeneration: () => nextGeneration(releases),
      async start(unit) {
        const chosen = unit === PROFILES_UNIT ? threads.profiles : threads.shards;
        if (chosen === undefined) throw new Error(`this node has no role for ${unit}`);
        const copy = await chosen.start(unit);
        readiness.watch(unit, copy);
        return copy;
      },
      report,
    },
    {
      name,
      roles: options.roles,
      weight: options.weight,
      units: unitsOf(options.shards),
      standbys: options.standbys,
      movesMax: options.movesMax,
      timing: DEFAULT_TIMING,
      build,
    },
  );
  closers.push(() => agent.stop(HAND_OVER_PATIENCE_MS));
  agent.done.catch((thrown) => fail(asEngineError(thrown)));
  closers.push(readiness.follow(agent));
  if (Number.isFinite(options.keepLogMs))
    closers.push(every(UNUSED_EVERY_MS, () => true, unusedStoresRemover(agent, options, generation, report)));
  const waiting = new AbortController();
  const served = untilServed(agent, options.shards, { report, signal: waiting.signal });
  await firstOf(failed, served).finally(() => waiting.abort()); // A loop that went on would keep the process alive.

  const decisionKey = await decisionKeyOf(releases, entropyBytes);
  const keys = await deploymentKeys(releases, entropyBytes);
  const erasedUsersKey = keys.lasting("erased-users");
  const explainer = startExplainer({
    nats,
    prefix: options.prefix,
    generation,
    decisionKey,
    erasedUsersKey,
    ringEvents: options.ringEvents,
  });
  closers.push(() => explainer.close());
  const tokens = await sealedSessionTokens({
    keys: async () => (await deploymentKeys(releases, entropyBytes)).rotating("session-tokens"),
    random: entropyBytes,
    clock: systemClock,
  });
  const keysChanged = await releases.watch(SECRETS_PREFIX, () => void tokens.refresh().catch(() => {}));
  closers.push(() => keysChanged.close());
  const gatewayPorts: GatewayPorts = {
    ...(tracing === undefined ? {} : { tracer: tracing.tracer }),
    bus,
    log,
    releases,
    clock: systemClock,
    decisions: new DecisionIds(decisionKey, newId()),
    hashUser: userHasher(erasedUsersKey),
    tokens,
    newId,
    cellKey: keys.lasting("location-cells"),
    explain: (question) => explainer.explain(question),
    exportPage: (question) => explainer.exportPage(question),
    subjects,
    decodeProfiles,
    memoryBytes: () => process.memoryUsage().rss,
    sleep: (ms) => sleep(ms, undefined, { ref: false }),
    cluster: () => agent.status(),
    readiness: () => readiness.now(),
    ownerOf: (shard) => agent.ownerOf(shardUnit(shard)),
    copiesOf: (shard) => agent.copiesOf(shardUnit(shard)),
  };
  const limits = { shards: options.shards, node: name, rates: options.rates, lagMax: options.lagMax };
  const gateway = createGateway(gatewayPorts, limits);
  const followed: readonly (readonly [prefix: string, refresh: () => Promise<void>])[] = [
    ["segments.", () => gateway.refreshDefinitions()],
    ["content.", () => gateway.refreshCatalogue()],
    ["privacy.", () => gateway.refreshPolicy()],
  ];
  for (const [prefix, refresh] of followed) {
    await refresh();
    const changed = await releases.watch(prefix, () => void refresh().catch(() => {}));
    closers.push(() => changed.close());
  }
  if (options.policy !== undefined) await gateway.putPolicy(options.policy);
  if (options.maps !== undefined) await gateway.putDefinitions(options.maps);
  if (options.catalogue !== undefined) await gateway.putCatalogue(options.catalogue);
  let service: { close(): Promise<void> } | undefined;
  if (options.roles.includes("gateway")) {
    service = await mountService(connection, gateway.handlers, {
      prefix: options.prefix,
      isTraced: tracing !== undefined,
      refused: (code) => countUp(gateway.counters.errors, code),
      trail,
    });
  }
  const http = await startHttp(options, {
    routes: [
      ...engineRoutes(gateway.handlers),
      ...clientRoutes(gateway, options.http, systemClock, report),
      ...healthRoutes(health),
    ],
    isStopping: () => readiness.isStopping,
    report,
  });
  if (http !== undefined) closers.push(() => http.close());
  const live = new LiveMaps(gatewayPorts, options.shards);
  const views = await startViews(
    {
      ...{ agent, bus, connection, explainer, gateway, log, releases, subjects },
      hashUser: userHasher(erasedUsersKey),
    },
    { shards: options.shards },
  );
  closers.push(() => views.close());
  const ownsProfiles = (): boolean => agent.roles().get(PROFILES_UNIT) === "owner";
  let drift: MeasuredDrift | undefined;
  const metrics = nodeMetrics({
    ...{ node: name, units: unitNames, standbys: options.standbys, agent, threads, gateway },
    version: version(),
    clock: systemClock,
    readiness: () => readiness.now(),
    connections: () => ({ gateway: stateOf(connection), cluster: stateOf(toTable) }),
    drift: () => (ownsProfiles() ? drift : undefined),
  });
  const adminRoutes = [
    ...consoleRoutes({ name }),
    ...liveMapRoutes(gateway.handlers, live),
    ...views.routes,
    ...watchRoutes(health, metrics),
  ];
  const admin = await startAdmin(options, adminRoutes, { report, trail });
  if (admin !== undefined) closers.push(() => admin.close());

  const trainer = startTrainer(
    { bus, log, releases, compute, subjects },
    {
      ...{
        nats,
        prefix: options.prefix,
        generation,
        shards: options.shards,
        dimMax: options.dimMax,
      },
      checkpoints: join(options.dataDir, "training"),
    },
  );
  const train = async (how?: TrainHow): Promise<TrainingResult> => announce(await trainer.train(how), report);
  const recalibrator = startRecalibrator(
    { bus, log, releases, compute, subjects },
    { nats, prefix: options.prefix, generation, shards: options.shards },
  );
  if (options.roles.includes("profiles")) {
    closers.push(serveWhile(ownsProfiles, () => serveTraining(bus, subjects, trainer, report)));
    closers.push(serveWhile(ownsProfiles, () => serveTrainingStatus(bus, subjects, trainer)));
    const operated = { bus, subjects, releases, clock: systemClock, shards: options.shards };
    closers.push(serveWhile(ownsProfiles, () => serveOperator(operated)));
    closers.push(
      every(DRIFT_EVERY_MS, ownsProfiles, async () => {
        drift = await watchDrift(operated, report);
      }),
    );
    const { calibrate } = recalibrator;
    closers.push(
      serveWhile(ownsProfiles, () => serveTask(bus, subjects.profileActor("calibrate"), calibrate)),
    );
    if (Number.isFinite(options.recalibrateEveryMs))
      closers.push(recalibrationLoop(recalibrator, options.recalibrateEveryMs, ownsProfiles, report));
    if (options.refit !== null)
      closers.push(refitLoop(trainer, options.refit, options.refitCheckMs, ownsProfiles, report));
  }

  const used = { version: abilitiesOf(connection).version, source: server?.source ?? "given" };
  return {
    name,
    natsUrl,
    nats: used,
    failed,
    train,
    calibrate: recalibrator.calibrate,
    cluster: () => agent.status(),
    readiness: () => readiness.now(),
    ...(http === undefined ? {} : { httpUrl: http.url }),
    ...(admin === undefined ? {} : { adminUrl: admin.url }),
    stopMsMax: options.drainMs + HAND_OVER_PATIENCE_MS + CLOSE_PATIENCE_MS,
    async stop() {
      readiness.stopping();
      if (http !== undefined && options.drainMs > 0) await sleep(options.drainMs);
      // Others take over while this node still answers; what reaches its gateway meanwhile is answered too.
      await agent.stop(HAND_OVER_PATIENCE_MS);
      await http?.close();
      await admin?.close();
      await service?.close();
      await stop();
    },
  };
}

/** What a thread may hold, MiB, if it has its part of all shards: alone, a node owns every one. */
function shardThreadMiB({ shards, threads, residentUsers }: NodeOptions): number {
  const users = Math.ceil(shards / threads) * residentUsers;
  return Math.ceil(UNIT_OLD_MIB.base + UNIT_OLD_MIB.user * users);
}

/** Resolves once every unit is answered for, here or elsewhere, or nobody waits for that any more. */
async function untilServed(
  agent: ClusterAgent,
  shards: number,
  { report, signal }: { readonly report: Report; readonly signal: AbortSignal },
): Promise<void> {
  let toldMs = systemClock.monotonicMs();
  while (!signal.aborted) {
    const served = new Set(agent.status().units.flatMap((unit) => (unit.serving ? [unit.unit] : [])));
    const missing = unitsOf(shards).filter(({ name }) => !served.has(name));
    if (missing.length === 0) return;
    await sleep(SERVED_CHECK_MS);
    if (systemClock.monotonicMs() - toldMs < WAITING_TOLD_MS) continue;
    toldMs = systemClock.monotonicMs();
    const roles = [...new Set(missing.map(({ role }) => role))].join(", ");
    report(
      `waiting for ${missing.length} units that nobody answers for: is there a node with the role ${roles}?`,
      { event: "node.waiting", level: "warn", code: "UNITS_UNSERVED" },
    );
  }
}

/** Removes the stores of shards of which there was no copy here at two looks in a row: one may just be opened. */
function unusedStoresRemover(
  agent: ClusterAgent,
  { dataDir, keepLogMs }: NodeOptions,
  generation: number,
  report: Report,
): () => Promise<void> {
  const folder = shardsFolder(dataDir, generation);
  const unusedMs = Math.max(UNUSED_MS_MIN, keepLogMs);
  let before = new Set<string>();
  return async () => {
    const idle = new Set([...agent.roles()].flatMap(([unit, role]) => (role === "none" ? [unit] : [])));
    const isUsed = (shard: string): boolean => {
      const unit = shardUnit(Number(shard));
      return !idle.has(unit) || !before.has(unit);
    };
    const gone = removeUnusedStores(folder, { unusedMs, nowMs: systemClock.nowMs(), isUsed });
    before = idle;
    if (gone.length > 0)
      report(`removed the stores of shards that this node has no copy of: ${gone.join(", ")}`, {
        event: "store.removed",
      });
  };
}

/** Serves for as long as a condition holds, which is looked at now and then. @returns Ends it. */
function serveWhile(
  condition: () => boolean,
  serve: () => Promise<{ close(): Promise<void> }>,
): () => Promise<void> {
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    let served: { close(): Promise<void> } | undefined;
    while (!stopping.signal.aborted) {
      try {
        if (condition() && served === undefined) served = await serve();
        else if (!condition() && served !== undefined) {
          await served.close();
          served = undefined;
        }
      } catch {
        // The connection is away: the next look tries again.
      }
      await sleep(SERVED_CHECK_MS, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
    }
    await served?.close();
  };
  const ended = loop();
  return async () => {
    stopping.abort();
    await ended;
  };
}

/** Answers a request with what a task comes to. */
function serveTask(
  bus: Bus,
  subject: string,
  task: () => Promise<unknown>,
): Promise<{ close(): Promise<void> }> {
  return bus.serve(
    subject,
    async () => ({ data: encode(await task()), contentType: "application/msgpack" }),
    { queue: "owners" },
  );
}

function serveTraining(
  bus: Bus,
  subjects: Subjects,
  trainer: Trainer,
  report: Report,
): Promise<{ close(): Promise<void> }> {
  return bus.serve(
    subjects.profileActor("train"),
    async ({ data }) => {
      const { detached, rollOut, ...how } = decode(data) as TrainRequest;
      if (rollOut !== undefined) await trainer.rollOutStored(rollOut, how.hold);
      const told = (result: TrainingResult): TrainingResult => announce(result, report);
      const start = () => (detached ? { id: trainer.start(how, told) } : trainer.train(how).then(told));
      const answer = rollOut === undefined ? await start() : { encoder: rollOut };
      return { data: encode(answer), contentType: "application/msgpack" };
    },
    { queue: "owners" },
  );
}

function serveTrainingStatus(
  bus: Bus,
  subjects: Subjects,
  trainer: Trainer,
): Promise<{ close(): Promise<void> }> {
  return bus.serve(
    subjects.profileActor("training"),
    () => ({ data: encode(trainer.status()), contentType: "application/msgpack" }),
    { queue: "owners" },
  );
}

/** Questions of operators that take all shards to answer. */
async function serveOperator(world: Parameters<typeof measureDrift>[0]): Promise<{ close(): Promise<void> }> {
  const answers: Record<string, (request: unknown) => Promise<unknown>> = {
    whatif: (request) => whatIf(world, request as WhatIfRequest),
    drift: (request) => measureDrift(world, (request as { sample?: number }).sample),
  };
  const served = await Promise.all(
    Object.entries(answers).map(([name, answer]) =>
      world.bus.serve(
        world.subjects.profileActor(name),
        async ({ data }) => ({
          data: encode(await answer(decode(data))),
          contentType: "application/msgpack",
        }),
        { queue: "owners" },
      ),
    ),
  );
  return { close: async () => void (await Promise.all(served.map((one) => one.close()))) };
}

function tellReadiness({ ready, reasons }: Readiness, report: Report): void {
  if (ready) report("caught up: requests may be sent here", { event: "node.ready" });
  for (const { code, message } of reasons)
    report(`not ready: ${message}`, { event: "node.not-ready", level: "warn", code });
}

/** Whether a connection is up, and how often it came back. */
function stateOf(connection: Parameters<typeof isConnected>[0]) {
  return { isConnected: isConnected(connection), reconnects: reconnectsOf(connection) };
}

/** Measures, and tells what has come or gone. */
async function watchDrift(world: Parameters<typeof measureDrift>[0], report: Report): Promise<MeasuredDrift> {
  const before = await lastAlerts(world.releases);
  const { now, alerts } = await measureDrift(world);
  const level = alerts.length > 0 ? "warn" : "info";
  for (const line of alertChanges(before, alerts)) report(line, { event: "drift.changed", level });
  return { now, alerts };
}

/** Acts now and then while a condition holds; a failure waits for the next time. @returns Ends it. */
function every(ms: number, condition: () => boolean, act: () => Promise<void>): () => Promise<void> {
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(ms, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
      if (!stopping.signal.aborted && condition()) await act().catch(() => {});
    }
  };
  const ended = loop();
  return async () => {
    stopping.abort();
    await ended;
  };
}

function asEngineError(thrown: unknown): EngineError {
  return thrown instanceof EngineError ? thrown : fromWireError(toWireError(thrown));
}

/** An embedded server that is kept running: on the same port and store, so that connections come back by themselves. */
async function embeddedNats(
  options: NodeOptions,
  report: Report,
  fail: (error: EngineError) => void,
): Promise<RunningNatsServer> {
  let server: RunningNatsServer | undefined;
  const start = async (): Promise<RunningChild> => {
    const port = server === undefined ? {} : { port: server.port };
    const started = await startNatsServer({
      storeDir: join(options.dataDir, "nats"),
      sync: options.sync,
      report,
      ...(options.serverAuth === undefined ? {} : { auth: options.serverAuth }),
      ...port,
    });
    server = started;
    report(`nats-server ${started.version} (${started.source}) at ${started.url}`, {
      event: "nats-server.started",
    });
    const done = started.exited.then(({ reason }) => {
      const message = `the embedded nats-server ended (${reason}): see ${started.logFile}`;
      throw new EngineError({ code: "NATS_SERVER_ENDED", message, retryable: true });
    });
    return { done, stop: () => started.stop() };
  };
  const supervisor = await startSupervisor(
    [{ name: "nats-server", start }],
    { strategy: "one-for-one", intensity: NATS_INTENSITY },
    {
      clock: systemClock,
      random: Math.random,
      sleep: (ms) => sleep(ms),
      restarting: (child, { code, message }, afterMs) =>
        report(`${child}: ${message}: restarting in ${Math.round(afterMs)} ms`, {
          ...{ event: "nats-server.restarting", level: "error", code },
        }),
    },
  );
  supervisor.done.catch((thrown) => fail(asEngineError(thrown)));
  if (server === undefined) throw new Error("the server was not started");
  return { ...server, stop: () => supervisor.stop() };
}

/** Streams made at the same time: each waits for its election in a cluster. */
const ENSURED_AT_ONCE = 8;
const DAY_MS = 86_400_000;
const TRANSITIONS_KEPT_MS = DAY_MS;
/** Choices of content are kept for analysis, as many as fit. */
const DECISIONS_KEPT_MS = 7 * DAY_MS;
const DECISIONS_BYTES_MAX = 2 ** 29;

async function ensureStreams(
  log: NatsLog,
  subjects: ReturnType<typeof subjectsOf>,
  shards: number,
): Promise<void> {
  const all = Array.from({ length: shards }, (_, shard) => subjects.shardLog(shard));
  for (let at = 0; at < all.length; at += ENSURED_AT_ONCE)
    await Promise.all(all.slice(at, at + ENSURED_AT_ONCE).map((stream) => log.ensure(stream)));
  await log.ensure(subjects.samples);
  await log.ensure(subjects.deadLetters);
  await log.ensure(subjects.decisions, { maxAgeMs: DECISIONS_KEPT_MS, maxBytes: DECISIONS_BYTES_MAX });
  await log.ensure(subjects.transitions, {
    subjects: [subjects.transition("*", "*")],
    maxAgeMs: TRANSITIONS_KEPT_MS,
  });
}

/** Counts members now and then and fits when they have grown. */
function refitLoop(
  trainer: ReturnType<typeof startTrainer>,
  policy: NonNullable<NodeOptions["refit"]>,
  everyMs: number,
  isDue: () => boolean,
  report: Report,
): () => Promise<void> {
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
      if (stopping.signal.aborted) return;
      if (!isDue()) continue;
      try {
        const result = await trainer.trainIfDue(policy);
        if (result !== undefined) announce(result, report);
      } catch (thrown) {
        const error = toWireError(thrown);
        if (!stopping.signal.aborted)
          report(`refit postponed (${error.code}: ${error.message})`, {
            ...{ event: "encoder.postponed", level: "warn", code: error.code },
          });
      }
    }
  };
  const ended = loop();
  return async () => {
    stopping.abort();
    await ended;
  };
}

function announce(result: TrainingResult, report: Report): TrainingResult {
  if (result.kind === "fitted")
    report(`encoder ${result.encoder.slice(0, 12)} fitted from ${result.report.members} members`, {
      event: "encoder.fitted",
    });
  else
    report(`fit failed (${result.error.code}: ${result.error.message})`, {
      ...{ event: "encoder.failed", level: "error", code: result.error.code },
    });
  return result;
}

async function firstOf(failed: Promise<EngineError>, ready: Promise<unknown>): Promise<void> {
  const outcome = await Promise.race([failed, ready.then(() => undefined)]);
  if (outcome instanceof EngineError) throw outcome;
}
