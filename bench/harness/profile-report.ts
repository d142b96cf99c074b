import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** What a thread spent its time with. */
export type ThreadProfile = Readonly<{
  /** 0 is the main thread. */
  thread: number;
  busyMs: number;
  idleMs: number;
  /** By self time, most first. */
  top: readonly { readonly name: string; readonly place: string; readonly selfMs: number }[];
}>;

type CpuProfile = Readonly<{
  nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  samples: readonly number[];
  timeDeltas: readonly number[];
}>;

/** Not work: the thread waits. */
const IDLE = "(idle)";
/** Date and time, process, thread. */
const FILE = /^CPU\.(\d+\.\d+)\.(\d+)\.(\d+)\.\d+\.cpuprofile$/;
const NONE = { atText: "", pid: "" };
const TOP = 20;
const LEAST_BUSY_MS = 100;

/**
 * Reads the profiles that `--cpu-prof` left in a folder, and sums each thread's self time by function. Of several
 * processes, those of the last one.
 */
export async function readProfiles(folder: string): Promise<ThreadProfile[]> {
  const files = (await readdir(folder)).flatMap((name) => {
    const [, atText, pid, thread] = FILE.exec(name) ?? [];
    return atText === undefined ? [] : [{ name, atText, pid: pid ?? "", thread: Number(thread) }];
  });
  const last = files.reduce(
    (newest, file) => (file.atText > newest.atText ? file : newest),
    files[0] ?? NONE,
  );
  const threads = await Promise.all(
    files
      .filter(({ pid }) => pid === last.pid)
      .map(async ({ name, thread }) =>
        summed(thread, JSON.parse(await readFile(join(folder, name), "utf8")) as CpuProfile),
      ),
  );
  return threads.filter(({ busyMs }) => busyMs >= LEAST_BUSY_MS).sort((a, b) => b.busyMs - a.busyMs);
}

/** Lines for the terminal: what limits a figure. */
export function profileLines(label: string, threads: readonly ThreadProfile[]): string[] {
  return threads.flatMap(({ thread, busyMs, idleMs, top }) => [
    `${label}, thread ${thread}: busy ${Math.round(busyMs)} ms, idle ${Math.round(idleMs)} ms`,
    ...top.map(({ name, place, selfMs }) => {
      const percent = ((100 * selfMs) / busyMs).toFixed(1).padStart(5);
      return `  ${percent} %  ${Math.round(selfMs).toString().padStart(6)} ms  ${name}  ${place}`;
    }),
  ]);
}

function summed(thread: number, profile: CpuProfile): ThreadProfile {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const self = new Map<string, { name: string; place: string; selfMs: number }>();
  let busyMs = 0;
  let idleMs = 0;
  for (const [i, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    const ms = (profile.timeDeltas[i] ?? 0) / 1_000;
    if (frame === undefined || frame.functionName === IDLE) {
      idleMs += ms;
      continue;
    }
    busyMs += ms;
    const name = frame.functionName === "" ? "(anonymous)" : frame.functionName;
    const place =
      frame.url === "" ? "" : `${frame.url.split("/").slice(-2).join("/")}:${frame.lineNumber + 1}`;
    const key = `${name} ${place}`;
    const entry = self.get(key) ?? { name, place, selfMs: 0 };
    entry.selfMs += ms;
    self.set(key, entry);
  }
  const top = [...self.values()].sort((a, b) => b.selfMs - a.selfMs).slice(0, TOP);
  return { thread, busyMs, idleMs, top };
}
