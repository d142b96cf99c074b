/** One thing that was looked at. */
export type DoctorCheck = Readonly<{
  name: string;
  /** `warn`: it works, but less well than it could. `fail`: nodes or commands will not work. */
  state: "ok" | "warn" | "fail";
  /** What was looked at or found, for programs: it stays the same. */
  code: string;
  /** What was found. */
  found: string;
  /** What to do about it; none for `ok`. */
  advice?: string;
}>;

/** What was found on this machine, before it is judged. */
export type MachineFacts = Readonly<{
  /** As in `24.21.0`. */
  node: string;
  natsServer: Readonly<{ path: string; version: string }> | undefined;
  /** Why LMDB does not load; undefined if it does. */
  lmdbProblem: string | undefined;
  tensors: Readonly<{ name: "native" | "wasm" | "cpu"; reason: string }> | Readonly<{ problem: string }>;
  cores: number;
  memoryBytes: number;
  dataFolder: string;
  /** Of the file system that the data folder is on or would be made on; undefined if it can't be told. */
  diskFreeBytes: number | undefined;
}>;

const GIB = 2 ** 30;
/** Sources run as they are from here on; below it only the built package does. */
const NODE_FOR_SOURCES = [22, 18] as const;
const NODE_FLOOR = 20;
/** A node with a million users takes about as much. */
const MEMORY_FOR_MILLION_BYTES = 3 * GIB;
const DISK_WARN_BYTES = 10 * GIB;
const DISK_FAIL_BYTES = GIB;

/** Judges what was found. */
export function judgeMachine(facts: MachineFacts): DoctorCheck[] {
  return [
    nodeCheck(facts.node),
    natsCheck(facts.natsServer),
    lmdbCheck(facts.lmdbProblem),
    tensorCheck(facts.tensors),
    coresCheck(facts.cores),
    memoryCheck(facts.memoryBytes),
    diskCheck(facts.dataFolder, facts.diskFreeBytes),
  ];
}

function nodeCheck(version: string): DoctorCheck {
  const name = "Node";
  const code = "NODE";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < NODE_FLOOR) {
    const advice = `install Node ${NODE_FLOOR} or newer, best 24`;
    return { name, code, state: "fail", found: version, advice };
  }
  const [forSources, forSourcesMinor] = NODE_FOR_SOURCES;
  if (major > forSources || (major === forSources && minor >= forSourcesMinor))
    return { name, code, state: "ok", found: version };
  const advice = `npm scripts bring their own Node 24; without npm, sources run from ${NODE_FOR_SOURCES.join(".")} on`;
  return { name, code, state: "warn", found: version, advice };
}

function natsCheck(server: MachineFacts["natsServer"]): DoctorCheck {
  const name = "nats-server";
  const code = "NATS_SERVER";
  if (server !== undefined) return { name, code, state: "ok", found: `${server.version} (${server.path})` };
  const advice =
    "`resonance up` will try to fetch one; else install it on PATH, set NATS_SERVER, or give --nats URL";
  return { name, code, state: "warn", found: "none on this machine", advice };
}

function lmdbCheck(problem: string | undefined): DoctorCheck {
  const name = "LMDB";
  const code = "LMDB";
  if (problem === undefined) return { name, code, state: "ok", found: "loads, writes and reads" };
  const advice = "run npm ci again; on an unusual platform it needs a C++ compiler and Python to be built";
  return { name, code, state: "fail", found: problem, advice };
}

function tensorCheck(tensors: MachineFacts["tensors"]): DoctorCheck {
  const name = "TensorFlow.js";
  const code = "TENSORS";
  if ("problem" in tensors) {
    const advice = "run npm ci again; the linear encoder is trained without it";
    return { name, code, state: "warn", found: tensors.problem, advice };
  }
  const found = `${tensors.name}: ${tensors.reason}`;
  if (tensors.name === "native") return { name, code, state: "ok", found };
  if (tensors.name === "wasm") return { name, code, state: "ok", found };
  const advice = "training networks will take about seven times as long as with WebAssembly SIMD";
  return { name, code, state: "warn", found, advice };
}

function coresCheck(cores: number): DoctorCheck {
  const name = "cores";
  const code = "CORES";
  if (cores >= 2) return { name, code, state: "ok", found: String(cores) };
  const advice = "a node and its NATS server share one core: give it two";
  return { name, code, state: "warn", found: String(cores), advice };
}

function memoryCheck(bytes: number): DoctorCheck {
  const name = "memory";
  const code = "MEMORY";
  const found = gibibytes(bytes);
  if (bytes >= MEMORY_FOR_MILLION_BYTES) return { name, code, state: "ok", found };
  const advice = "enough to try it; a million users in memory take about 3 GiB: bound them with --resident";
  return { name, code, state: "warn", found, advice };
}

function diskCheck(folder: string, free: number | undefined): DoctorCheck {
  const name = "disk";
  const code = "DISK";
  if (free === undefined) {
    const advice = `look whether ${folder} can be made`;
    return { name, code, state: "warn", found: "can't be told", advice };
  }
  const found = `${gibibytes(free)} free for ${folder}`;
  if (free >= DISK_WARN_BYTES) return { name, code, state: "ok", found };
  const advice = "the log and its snapshots need room: free some, or give another --data folder";
  return { name, code, state: free >= DISK_FAIL_BYTES ? "warn" : "fail", found, advice };
}

function gibibytes(bytes: number): string {
  return `${(bytes / GIB).toFixed(1)} GiB`;
}
