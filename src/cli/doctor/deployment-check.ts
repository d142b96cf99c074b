import type { NatsAbilities } from "../../adapters/nats-abilities.ts";
import { isAtLeast } from "../../adapters/nats-abilities.ts";
import { formatBytes, formatCount } from "../view/format-number.ts";
import type { DoctorCheck } from "./doctor-check.ts";

/** A stream as it was found. */
export type StreamFacts = Readonly<{
  name: string;
  storage: "file" | "memory";
  replicas: number;
  /** Copies that are offline, or not up to date; and whether one leads. */
  behind: number;
  hasLeader: boolean;
}>;

/** What was found of a deployment, before it is judged. What this user may not see is undefined. */
export type DeploymentFacts = Readonly<{
  nats: NatsAbilities & Readonly<{ isCluster: boolean }>;
  /** What of the account's storage is used, bytes; a limit of 0 or less is none. */
  storage: Readonly<{ used: number; limit: number }> | undefined;
  streams: readonly StreamFacts[] | undefined;
  /** Streams that there should be. */
  expected: readonly string[];
  /** How far clocks are ahead of that of the server, ms: of this machine, and of the nodes that answered. */
  skews: readonly Readonly<{ of: string; aheadMs: number }>[];
  /** Undefined if no node answers. */
  status:
    | Readonly<{
        ready: boolean;
        lag: number;
        unserved: number;
        diskFull: number;
        deadLetters: number;
        nodes: readonly Readonly<{ name: string; version: string | undefined; silentMs: number }>[];
      }>
    | undefined;
}>;

/** What was found in a data folder and of the files with keys. */
export type FolderFacts = Readonly<{
  /** Stores that no node uses any more, with their size. */
  orphans: readonly Readonly<{ path: string; bytes: number }>[];
  /** Files and folders with keys or data, and their permissions. */
  modes: readonly Readonly<{ path: string; mode: number; kind: "keys" | "data" }>[];
}>;

const FLOOR = "2.9.0";
const MIB = 2 ** 20;
const PAYLOAD_MAX_BYTES = 64 * MIB;
const REPLICAS = 3;
const STORAGE_WARN = 0.8;
const STORAGE_FAIL = 0.95;
/** Events that are further ahead are set back (docs/events.md). */
const SKEW_WARN_MS = 1_000;
const SKEW_FAIL_MS = 5_000;
const LAG_WARN = 10_000;
const LAG_FAIL = 500_000;
const SILENT_MS = 1_000;
const OTHERS = 0o077;

/** Judges what was found of a deployment. */
export function judgeDeployment(facts: DeploymentFacts): DoctorCheck[] {
  return [
    versionCheck(facts),
    payloadCheck(facts),
    storageCheck(facts),
    streamsCheck(facts),
    replicasCheck(facts),
    clocksCheck(facts),
    ...statusChecks(facts),
  ];
}

/** Judges what was found of a data folder. */
export function judgeFolder({ orphans, modes }: FolderFacts): DoctorCheck[] {
  const open = modes.filter(({ mode }) => (mode & OTHERS) !== 0);
  const [name, keys] = ["permissions", open.filter(({ kind }) => kind === "keys")];
  const permissions: DoctorCheck =
    open.length === 0
      ? {
          name,
          state: "ok",
          code: "PERMISSIONS",
          found: `${modes.length} files and folders are their owner's alone`,
        }
      : {
          name,
          state: keys.length > 0 ? "fail" : "warn",
          code: keys.length > 0 ? "KEY_FILE_OPEN" : "DATA_FOLDER_OPEN",
          found: `others may use ${open.map(({ path }) => path).join(", ")}`,
          advice: `chmod go= ${open.map(({ path }) => path).join(" ")}`,
        };
  const bytes = orphans.reduce((sum, one) => sum + one.bytes, 0);
  const stores: DoctorCheck =
    orphans.length === 0
      ? { name: "stores", state: "ok", code: "STORES", found: "none is left over" }
      : {
          name: "stores",
          state: "warn",
          code: "STORES_ORPHANED",
          found: `nobody uses ${orphans.map(({ path }) => path).join(", ")} (${formatBytes(bytes)})`,
          advice: "they hold users: look at the disk if any was damaged, then remove them",
        };
  return [permissions, stores];
}

function versionCheck({ nats }: DeploymentFacts): DoctorCheck {
  const name = "NATS";
  const found = `${nats.version}${nats.isCluster ? ", a cluster" : ", alone"}`;
  if (!isAtLeast(nats.version, FLOOR))
    return { name, state: "fail", code: "NATS_TOO_OLD", found, advice: "use 2.9 or newer, best the newest" };
  if (nats.losesStreamAtCrash)
    return {
      name,
      state: "fail",
      code: "NATS_LOSES_STREAMS",
      found,
      advice: "this server can lose a stream when it crashes: use 2.10.23 or newer",
    };
  if (!nats.atomicBatch)
    return {
      name,
      state: "warn",
      code: "NATS_OLD",
      found,
      advice: nats.isCluster
        ? "a stalled leader of a 2.9 cluster may leave a copy that differs: use 2.12 or newer"
        : "from 2.12 on batches are stored in one go, twice as fast",
    };
  return { name, state: "ok", code: "NATS", found };
}

function payloadCheck({ nats: { maxPayloadBytes } }: DeploymentFacts): DoctorCheck {
  const name = "max_payload";
  const found = `${(maxPayloadBytes / MIB).toFixed(1)} MiB`;
  if (maxPayloadBytes < MIB)
    return {
      name,
      state: "fail",
      code: "MAX_PAYLOAD_SMALL",
      found,
      advice: "set max_payload of the servers to 1MB",
    };
  if (maxPayloadBytes > PAYLOAD_MAX_BYTES)
    return {
      name,
      state: "warn",
      code: "MAX_PAYLOAD_LARGE",
      found,
      advice: "whoever may send can fill memory with it: the default of 1 MiB is enough",
    };
  return { name, state: "ok", code: "MAX_PAYLOAD", found };
}

function storageCheck({ storage }: DeploymentFacts): DoctorCheck {
  const name = "JetStream";
  if (storage === undefined) return unseen(name, "JETSTREAM_UNSEEN");
  const { used, limit } = storage;
  if (limit <= 0) {
    const advice = "give the account, or the server, a limit of storage: streams grow until a disk is full";
    return {
      name,
      state: "warn",
      code: "JETSTREAM_NO_LIMIT",
      found: `${formatBytes(used)} used, without a limit`,
      advice,
    };
  }
  const found = `${formatBytes(used)} of ${formatBytes(limit)} used`;
  if (used < STORAGE_WARN * limit) return { name, state: "ok", code: "JETSTREAM", found };
  const advice = "make room: a larger limit, or a shorter --keep-log; events are refused when it is full";
  return {
    name,
    state: used < STORAGE_FAIL * limit ? "warn" : "fail",
    code: "JETSTREAM_FULL",
    found,
    advice,
  };
}

function streamsCheck({ streams, expected }: DeploymentFacts): DoctorCheck {
  const name = "streams";
  if (streams === undefined) return unseen(name, "STREAMS_UNSEEN");
  const held = new Map(streams.map((stream) => [stream.name, stream]));
  const missing = expected.filter((one) => !held.has(one));
  if (missing.length > 0)
    return {
      name,
      state: "fail",
      code: "STREAM_MISSING",
      found: `there is no ${missing.join(", ")}`,
      advice:
        "a node makes streams when it starts: start one; what a lost log held is lost, unless a backup has it",
    };
  const inMemory = streams.filter(({ storage }) => storage === "memory").map((stream) => stream.name);
  if (inMemory.length > 0)
    return {
      name,
      state: "fail",
      code: "STREAM_IN_MEMORY",
      found: `${inMemory.join(", ")} lie in memory`,
      advice:
        "they are lost when their servers restart: somebody else has made them; back up, and make them anew",
    };
  return { name, state: "ok", code: "STREAMS", found: `${expected.length} of ${expected.length} are there` };
}

function replicasCheck({ nats, streams }: DeploymentFacts): DoctorCheck {
  const name = "copies";
  if (streams === undefined) return unseen(name, "STREAMS_UNSEEN");
  const leaderless = streams.filter(({ hasLeader }) => !hasLeader).map((stream) => stream.name);
  if (nats.isCluster && leaderless.length > 0)
    return {
      name,
      state: "fail",
      code: "STREAM_NO_LEADER",
      found: `nobody leads ${leaderless.join(", ")}`,
      advice: "bring their servers back: events are refused until most copies of a stream are there",
    };
  const behind = streams.filter((stream) => stream.behind > 0).map((stream) => stream.name);
  if (behind.length > 0)
    return {
      name,
      state: "warn",
      code: "STREAM_COPY_BEHIND",
      found: `copies of ${behind.join(", ")} are away or behind`,
      advice: "look at the servers: one more that goes may stop these streams",
    };
  const few = streams.filter(({ replicas }) => replicas < REPLICAS).map((stream) => stream.name);
  if (nats.isCluster && few.length > 0)
    return {
      name,
      state: "warn",
      code: "STREAM_FEW_COPIES",
      found: `${few.join(", ")} have fewer than ${REPLICAS} copies`,
      advice: `nats stream edit --replicas ${REPLICAS} NAME: with one copy a lost server is a lost stream`,
    };
  return {
    name,
    state: "ok",
    code: "STREAM_COPIES",
    found: nats.isCluster ? "each stream has three" : "one server, one copy",
  };
}

function clocksCheck({ skews }: DeploymentFacts): DoctorCheck {
  const name = "clocks";
  const worst = skews.reduce((most, one) => Math.max(most, Math.abs(one.aheadMs)), 0);
  const found = skews
    .map(({ of, aheadMs }) => `${of} ${aheadMs >= 0 ? "+" : ""}${Math.round(aheadMs)} ms`)
    .join(", ");
  if (skews.length === 0) return unseen(name, "CLOCKS_UNSEEN");
  if (worst < SKEW_WARN_MS) return { name, state: "ok", code: "CLOCKS", found };
  const advice =
    "run NTP: events from a clock that is 5 s ahead are set back, and --keep-log is off by as much";
  return { name, state: worst < SKEW_FAIL_MS ? "warn" : "fail", code: "CLOCK_SKEW", found, advice };
}

function statusChecks({ status }: DeploymentFacts): DoctorCheck[] {
  if (status === undefined)
    return [
      {
        name: "nodes",
        state: "fail",
        code: "NO_NODE",
        found: "none answers",
        advice: "start one with the role gateway; see what those that ended have said",
      },
    ];
  const { ready, lag, unserved, diskFull, deadLetters, nodes } = status;
  const names = nodes.map(({ name, version }) => `${name} ${version ?? "(older)"}`).join(", ");
  const silent = nodes.filter(({ silentMs }) => silentMs > SILENT_MS);
  const versions = new Set(nodes.map(({ version }) => version));
  const checks: DoctorCheck[] = [];
  if (!ready)
    checks.push({
      name: "nodes",
      state: "fail",
      code: "NOT_READY",
      found: `${unserved} shards are not answered for`,
      advice: "`resonance cluster` shows which; start more nodes, or wait for those that start",
    });
  else if (silent.length > 0)
    checks.push({
      name: "nodes",
      state: "warn",
      code: "NODE_SILENT",
      found: `nothing is heard of ${silent.map(({ name }) => name).join(", ")}`,
      advice: "look at its machine: others take its shards over after 2 s",
    });
  else if (versions.size > 1)
    checks.push({
      name: "nodes",
      state: "warn",
      code: "VERSIONS_MIXED",
      found: names,
      advice: "end the upgrade: all nodes on one version (docs/operations.md, Upgrades)",
    });
  else checks.push({ name: "nodes", state: "ok", code: "NODES", found: names });
  const lagged = `${formatCount(lag)} log entries`;
  if (diskFull > 0)
    checks.push({
      name: "lag",
      state: "fail",
      code: "NODE_DISK_FULL",
      found: `${diskFull} shards wait for room on a disk`,
      advice: "make room: they go on by themselves",
    });
  else if (lag < LAG_WARN) checks.push({ name: "lag", state: "ok", code: "LAG", found: lagged });
  else
    checks.push({
      name: "lag",
      state: lag < LAG_FAIL ? "warn" : "fail",
      code: "LAG_HIGH",
      found: lagged,
      advice: "add a node, or --threads; `resonance top` shows which shards are behind",
    });
  if (deadLetters > 0)
    checks.push({
      name: "dead letters",
      state: "warn",
      code: "DEAD_LETTERS",
      found: formatCount(deadLetters),
      advice: "`resonance dead-letters list` tells why",
    });
  return checks;
}

function unseen(name: string, code: string): DoctorCheck {
  const advice = "use a node's part of the folder of `resonance auth` (--auth)";
  return { name, state: "warn", code, found: "this user may not look", advice };
}
