import type { History } from "../../src/embedding/encoder.ts";
import { encodeEntry } from "../../src/events/log-codec.ts";
import { encodeProfileControl, type ProfileControl } from "../../src/events/profile-control.ts";
import { FEATURES } from "../../src/features/all-families.ts";
import { arrivalOf } from "../../src/features/arrival.ts";
import { toFeatureEvent } from "../../src/features/to-feature-event.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { releaseKeys } from "../../src/releases.ts";
import { fitRelease, type Release } from "../../src/resonance/fit-release.ts";
import type { SegmentMap } from "../../src/resonance/segment-map.ts";
import { isReady } from "./is-ready.ts";
import { LEAVERS } from "./leavers.ts";
import { judge } from "./oracle.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { type Servers, startServers, subjects } from "./servers.ts";
import { SimClient, type SimEvent } from "./sim-client.ts";
import { SimNode, type SimShape } from "./sim-node.ts";
import { VirtualTime } from "./virtual-time.ts";

/** What one seed came to. */
export type SeedResult = Readonly<{
  seed: number;
  /** What is wrong; empty if nothing is. */
  findings: readonly string[];
  /** Of everything that happened, in order. */
  digest: string;
  lines: readonly string[];
  /** Virtual time and events of the scheduler. */
  virtualMs: number;
  steps: number;
  acknowledged: number;
  scores: number;
  unanswered: number;
}>;

const MAP: SegmentMap = {
  name: "taste",
  mode: "exclusive",
  segments: [{ name: "segment-0" }, { name: "segment-1" }],
  window: { bucketMs: 3_600_000, buckets: 24 },
  threshold: { enter: 0.5, minEvidence: 1 },
};
const WIRE_MAPS = [{ name: "taste", segments: ["segment-0", "segment-1"] }];
/** What an operator makes of them while all goes on. By the clock buckets would end for ever, and nothing ever be quiet. */
const EDITED_WIRE_MAPS = [
  { name: "taste", segments: ["segment-1", "segment-0", "segment-2"] },
  {
    name: "depth",
    segments: ["shallow", "deep"],
    window: { bucket: "2s", buckets: 3 },
    privacy: { grace: "0s", closedBy: "events" },
  },
];
const CATALOGUE = {
  placements: [{ name: "home", map: "taste", timeout: "1m" }],
  items: [
    { id: "banner-0", placements: ["home"] },
    { id: "banner-1", placements: ["home"], cap: { impressions: 3, per: "1h" } },
    { id: "banner-2", placements: ["home"] },
  ],
};
const EXPERIMENT = {
  name: "home-policies",
  placement: "home",
  arms: [{ name: "control", policy: "overall" }, { name: "personal" }],
  primary: { event: "click", measure: "count", per: { event: "impression", measure: "count" } },
  holdout: { name: "sim", share: 0.1 },
};
const FAULTS_FOR_MS = 15_000;
const QUIET_WITHIN_MS = 120_000;
const TYPES = ["view", "click", "purchase", "rate", "add_to_cart"];

let fitted: Release | undefined;

/** An encoder that knows the simulation's items; fitted once a process. */
function anEncoder(): Release {
  fitted ??= fitRelease(someHistories(), [MAP], FEATURES, { seed: 1 });
  return fitted;
}

/** Members who did what the simulation's users do. */
function someHistories(): History[] {
  const random = seededRandom(1);
  return Array.from({ length: 60 }, (_, u) => ({
    user: `member-${u}`,
    labels: { taste: `segment-${u % 2}` },
    arrival: arrivalOf(contextOf(u))!,
    events: Array.from({ length: 10 }, (_, i) =>
      toFeatureEvent({
        kind: "behaviour",
        id: `${u}-${i}`,
        user: `member-${u}`,
        tsMs: Date.UTC(2026, 0, 1) + i * 60_000,
        ...anAct(random, u),
      }),
    ),
  }));
}

/** How a user comes: four in five on the system of their segment. */
function contextOf(user: number): { os: string } {
  return { os: (user % 5 === 0) === (user % 2 === 0) ? "a" : "b" };
}

/** One event in so many is of somebody who takes back their consent to location. */
const TAKEN_BACK_EVERY = 17;

function placeOf(serial: number): Pick<SimEvent, "location" | "consent"> {
  return { location: { lat: 48 + (serial % 5), lon: 11 }, consent: { location: true } };
}

/** What a user does: half of it is like all users of their segment, half like everybody. */
function anAct(random: Random, user: number): Pick<SimEvent, "type" | "item" | "categories" | "context"> {
  const pick = (count: number): number => Math.floor(random() * count);
  const item = random() < 0.5 ? `own-${user % 2}-${pick(8)}` : `common-${pick(40)}`;
  return {
    type: TYPES[pick(TYPES.length)] ?? "view",
    item,
    categories: [`cat-${pick(4)}`],
    context: contextOf(user),
  };
}

/**
 * Runs one seed: nodes, load and faults for a while, then everything is healed, and once all is quiet the oracle
 * judges. Deterministic.
 */
export async function runSeed(seed: number, bug?: PlantedBug): Promise<SeedResult> {
  const restore = bug?.patch?.();
  try {
    return await run(seed, bug);
  } finally {
    restore?.();
  }
}

async function run(seed: number, bug: PlantedBug | undefined): Promise<SeedResult> {
  const time = new VirtualTime();
  const random = seededRandom(seed);
  const shape: SimShape = {
    shards: 2,
    standbys: random() < 0.2 ? 0 : random() < 0.8 ? 1 : 2,
    ringEvents: 8,
    snapshotEveryMs: random() < 0.7 ? 2_500 : Number.POSITIVE_INFINITY,
    residentUsers: 4,
  };
  const servers = startServers(time, random, random() < 0.5);
  for (let shard = 0; shard < shape.shards; shard++) await servers.log.ensure(subjects.shardLog(shard));
  for (const stream of [subjects.samples, subjects.deadLetters, subjects.decisions])
    await servers.log.ensure(stream);
  await servers.log.ensure(subjects.transitions, { subjects: [subjects.transition("*", "*")] });
  const nodes = ["a", "b", "c"].map((name) => new SimNode(servers, name, shape, bug));
  for (const node of nodes) node.start();
  const client = new SimClient(servers);

  const state = { isFaulty: true, isErasing: false };
  void client
    .define(WIRE_MAPS)
    .then(() => client.fill(CATALOGUE))
    .then(() => client.experiment(EXPERIMENT));
  void load(servers, client, random, state);
  void misfortune(servers, nodes, random, state);
  if (random() < 0.6) {
    state.isErasing = true;
    void erasures(servers, client, random, state).then(() => {
      state.isErasing = false;
    });
  }
  if (random() < 0.6) {
    const backAfterMs = random() < 0.4 ? 8_000 * random() : undefined;
    const how = { afterMs: 2_000 + 9_000 * random(), isHeld: random() < 0.3, backAfterMs };
    void rollOut(servers, how);
  }
  if (random() < 0.4)
    void time.sleep(1_000 + 12_000 * random()).then(() => {
      servers.trace("the segments are edited");
      return client.define(EDITED_WIRE_MAPS);
    });
  await time.until(() => !state.isFaulty, FAULTS_FOR_MS + 20_000);
  const isQuiet = (): boolean => !state.isErasing && client.isIdle && quiet(servers, nodes, shape);
  const findings: string[] = [];
  if (!(await time.until(isQuiet, QUIET_WITHIN_MS)))
    findings.push(
      `not quiet ${QUIET_WITHIN_MS / 1_000} s after the last fault: ${unrest(servers, nodes, shape, client)}`,
    );
  else findings.push(...(await judge(servers, nodes, client, shape)));
  const result: SeedResult = {
    seed,
    findings,
    digest: servers.digest(),
    lines: servers.lines,
    virtualMs: Math.round(time.monotonicMs()),
    steps: time.events,
    acknowledged: [...client.acknowledged.values()].reduce((sum, ids) => sum + ids.size, 0),
    scores: client.asked,
    unanswered: client.unanswered,
  };
  for (const node of nodes) node.kill();
  return result;
}

/** Events of a few users, some of them members, and scores of those who just acted. */
async function load(
  servers: Servers,
  client: SimClient,
  random: Random,
  state: { isFaulty: boolean },
): Promise<void> {
  const { time } = servers;
  const pick = (count: number): number => Math.floor(random() * count);
  let serial = 0;
  const anEvent = (): SimEvent => {
    const u = pick(10);
    const id = `event-${++serial}`;
    const user = `user-${u}`;
    const ts = time.nowMs() - pick(5_000);
    const segment = `segment-${u % 2}`;
    if (u < 6 && random() < 0.15) return { id, user, ts, type: "identify", segments: { taste: segment } };
    // By their number, so that the course of a seed does not depend on it: some tell where they are, and take that back later.
    if (serial % TAKEN_BACK_EVERY === 0)
      return { id, user, ts, type: "consent", consent: { location: false } };
    return { id, user, ts, ...anAct(random, u), ...(serial % 3 === 0 ? placeOf(serial) : {}) };
  };
  /** Somebody is shown a content, minutes ago by their own clock, and clicks what their segment likes. */
  const visit = async (u: number): Promise<void> => {
    const user = `user-${u}`;
    const shown = await client.choose(user, "home");
    if (shown === undefined || shown.content === null) return;
    const ts = time.nowMs() - pick(600_000);
    const tell = (type: string, afterMs: number): SimEvent => {
      return { id: `event-${++serial}`, user, ts: ts + afterMs, type, decision: shown.decision };
    };
    const events = [tell("impression", 0)];
    if (shown.content === `banner-${u % 2}` && random() < 0.7) events.push(tell("click", pick(120_000)));
    else if (random() < 0.2) events.push(tell(random() < 0.5 ? "dismiss" : "purchase", 5_000));
    if (random() < 0.1)
      events.push({ ...tell("prefer", 0), item: shown.content, value: random() < 0.5 ? 1 : -1 });
    if (random() < 0.3) events.reverse(); // The click may be heard of first.
    for (const event of events) void client.send([event]);
  };
  while (state.isFaulty) {
    const events = Array.from({ length: 1 + pick(5) }, anEvent);
    const wanted = random() < 0.3 ? events[pick(events.length)] : undefined;
    void client.send(events).then((positions) => {
      if (wanted !== undefined) void client.score(wanted.user, positions);
    });
    if (random() < 0.4) void visit(pick(10));
    // Others look at visitors all the time.
    for (let looks = 0; looks < 3; looks++) void client.score(`user-${pick(10)}`, []);
    await time.sleep(40 + 160 * random());
  }
}

/** Everything that can go wrong, one thing after the other and some at once; in the end all is healed. */
async function misfortune(
  servers: Servers,
  nodes: readonly SimNode[],
  random: Random,
  state: { isFaulty: boolean },
): Promise<void> {
  const { time, table } = servers;
  const endMs = time.monotonicMs() + FAULTS_FOR_MS;
  const later = (ms: number, act: () => void): void => time.after(ms, act);
  const kinds: ((node: SimNode) => void)[] = [
    (node) => {
      node.kill();
      // What a disk held may be lost with it.
      if (random() < 0.2) node.wipe();
      later(100 + 4_000 * random(), () => {
        if (!node.isUp) node.start();
      });
    },
    (node) => {
      const { life } = node;
      if (life === undefined) return;
      servers.trace(`${life.name} is stopped`);
      life.isPaused = true;
      later(300 + 5_500 * random(), () => {
        life.isPaused = false;
      });
    },
    (node) => {
      const { life } = node;
      if (life === undefined) return;
      servers.trace(`${life.name} is cut off`);
      life.isCutOff = true;
      later(300 + 5_500 * random(), () => {
        life.isCutOff = false;
      });
    },
    (node) => {
      servers.trace(`${node.name} is asked to stop`);
      void node.stop().then(() =>
        later(100 + 1_000 * random(), () => {
          if (!node.isUp) node.start();
        }),
      );
    },
    () => {
      servers.trace("all servers are away");
      for (const { life } of nodes) {
        if (life === undefined) continue;
        life.isCutOff = true;
        later(200 + 3_000 * random(), () => {
          life.isCutOff = false;
        });
      }
    },
    () => {
      if (random() > 0.15) return;
      servers.trace("the table is lost");
      void table.entries("").then(async (entries) => {
        for (const { key, revision } of entries) await table.remove(key, revision);
      });
    },
  ];
  while (time.monotonicMs() < endMs) {
    await time.sleep(200 + 2_500 * random());
    const node = nodes[Math.floor(random() * nodes.length)];
    if (node?.isUp !== true) continue;
    kinds[Math.floor(random() * kinds.length)]?.(node);
  }
  await time.sleep(6_000); // Whatever is under way ends by then.
  for (const node of nodes) if (!node.isUp) node.start();
  state.isFaulty = false;
}

/** Users are erased: some who come back, and some who were there only for a while, members among them. */
async function erasures(
  servers: Servers,
  client: SimClient,
  random: Random,
  state: { isFaulty: boolean },
): Promise<void> {
  const { time } = servers;
  const pick = (count: number): number => Math.floor(random() * count);
  const leave = async (user: string, u: number): Promise<void> => {
    await time.sleep(8_000 * random());
    for (let i = 0; i < 12; i++) {
      const ts = time.nowMs() - pick(5_000);
      const id = `${user}-event-${i}`;
      const identify = { id, user, ts, type: "identify", segments: { taste: `segment-${u}` } };
      await client.send([i === 2 ? identify : { id, user, ts, ...anAct(random, u) }]);
      if (random() < 0.5) void client.score(user, []);
    }
    await client.erase(user);
  };
  const [one, two] = LEAVERS.map((user, u) => leave(user, u));
  while (state.isFaulty) {
    await time.sleep(1_000 + 6_000 * random());
    if (state.isFaulty) await client.erase(`user-${pick(10)}`);
  }
  await Promise.all([one, two]);
}

type RollOut = Readonly<{ afterMs: number; isHeld: boolean; backAfterMs: number | undefined }>;

/** A new encoder is put in force while all this goes on, as a trainer does it, and perhaps taken back. */
async function rollOut(servers: Servers, { afterMs, isHeld, backAfterMs }: RollOut): Promise<void> {
  const { blobs, log, time } = servers;
  await time.sleep(afterMs);
  const { version, artefact, calibrations } = anEncoder();
  await blobs.put(releaseKeys.encoder(version), artefact);
  // Sixty members can't prove that a context counts once somebody has acted: here it does.
  const counting = calibrations.map(({ contextPrior, ...calibration }) => ({
    ...calibration,
    contextPrior: { ...contextPrior, weights: [1, 0.9, 0.8, 0.7, 0.6, 0.5] },
  }));
  const json = JSON.stringify(counting);
  await blobs.put(releaseKeys.calibration(version), new TextEncoder().encode(json));
  const tell = (control: ProfileControl): Promise<unknown> =>
    log.append(subjects.samples, [{ id: control.control, data: encodeProfileControl(control) }]);
  await tell({ control: "prepare", encoder: version, ...(isHeld ? { hold: true } : {}) });
  const data = encodeEntry({ kind: "encoder-prepared", encoder: version });
  for (let shard = 0; shard < 2; shard++)
    await log.append(subjects.shardLog(shard), [{ id: `prepared-${shard}`, data }]);
  servers.trace("an encoder is rolled out");
  if (isHeld) {
    await time.sleep(500);
    await tell({ control: "promote", encoder: version });
  }
  if (backAfterMs === undefined) return;
  await time.sleep(backAfterMs);
  servers.trace("the encoder is taken back"); // If it is in force by then.
  await tell({ control: "rollback", from: version });
}

/** Whether nothing is left to do: every unit has its owner and copies, which have folded and published everything. */
function quiet(servers: Servers, nodes: readonly SimNode[], shape: SimShape): boolean {
  return unrestOf(servers, nodes, shape).length === 0;
}

function unrest(servers: Servers, nodes: readonly SimNode[], shape: SimShape, client: SimClient): string {
  const found = unrestOf(servers, nodes, shape);
  if (!client.isIdle) found.push("the client waits");
  return found.join("; ");
}

function unrestOf(servers: Servers, nodes: readonly SimNode[], shape: SimShape): string[] {
  const found: string[] = [];
  for (const node of nodes) {
    const units = node.agent?.status().units;
    if (units === undefined) found.push(`${node.name} has not joined`);
    for (const unit of units ?? []) {
      const copies = Math.min(shape.standbys, nodes.length - 1);
      if (!unit.serving || unit.next !== null || unit.ready.length !== copies)
        found.push(`${node.name} sees ${JSON.stringify(unit)}`);
    }
    for (const [shard, store] of node.contexts) {
      const unit = `shard-${shard}`;
      if (!isReady(node, unit)) continue;
      const last = lastOf(servers, subjects.shardLog(shard));
      if ((store.meta()?.applied ?? 0) < last) found.push(`${node.name} ${unit} has not folded everything`);
      if (store.meta()?.warmUps?.some(({ done }) => !done)) found.push(`${node.name} ${unit} warms up`);
      if ((store.meta()?.erasures ?? []).length > 0) found.push(`${node.name} ${unit} erases`);
      if (store.outbox().length > 0) found.push(`${node.name} ${unit} has not published everything`);
    }
    const { profiles } = node;
    if (profiles === undefined || !isReady(node, "profiles")) continue;
    const meta = profiles.meta();
    if ((meta?.applied ?? 0) < lastOf(servers, subjects.samples)) found.push(`${node.name} profiles lag`);
    if (profiles.pending().length > 0 || meta?.isDirty === true || (meta?.tallies?.dirty.length ?? 0) > 0)
      found.push(`${node.name} profiles are not published`);
  }
  return found;
}

function lastOf(servers: Servers, stream: string): number {
  return servers.log.lastOf(stream);
}
