import { setTimeout as sleep } from "node:timers/promises";
import { assertNever } from "../../src/kernel/assert.ts";
import type { Random } from "../../src/kernel/random.ts";
import type { ChaosNode } from "./chaos-node.ts";
import type { ChaosServers } from "./servers.ts";
import type { SmallDisk } from "./small-disk.ts";
import type { ProxyMode } from "./tcp-proxy.ts";
import { inThread } from "./thread-inspector.ts";

/** Every kind of fault that can be asked for. */
export const FAULT_KINDS = ["node", "worker", "hang", "server", "pause", "disk", "cut"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** One fault, drawn before it happens, so that a seed tells it. */
export type Fault =
  /** The process is killed, and started again after a while; its data folder may be gone. */
  | Readonly<{ kind: "node"; node: number; downMs: number; isWiped: boolean }>
  /** One of the threads that hold units ends, or stands still. */
  | Readonly<{ kind: "worker"; node: number }>
  | Readonly<{ kind: "hang"; node: number; ms: number }>
  | Readonly<{ kind: "server"; server: number; downMs: number }>
  /** A process is stopped and goes on later, perhaps after its leases have ended. */
  | Readonly<{ kind: "pause-node"; node: number; ms: number }>
  | Readonly<{ kind: "pause-server"; server: number; ms: number }>
  | Readonly<{ kind: "disk"; node: number; ms: number }>
  | Readonly<{ kind: "cut"; node: number; ms: number; mode: ProxyMode }>;

/** What faults happen to. */
export type FaultTargets = Readonly<{
  nodes: readonly ChaosNode[];
  servers: ChaosServers;
  /** The disk of the node of that index, if there may be one. */
  disk: Readonly<{ node: number; disk: SmallDisk }> | undefined;
  random: Random;
  /** Longest time that a fault lasts, ms; a pause may be longer than that by a fifth. */
  lastsMsMax: number;
}>;

/** The shortest pause: about as long as between two renewals of a lease. */
const PAUSE_MS_MIN = 500;
/** Longest pause, as a share of the longest fault of another kind. */
const PAUSE_SHARE = 1.2;
const WIPED_SHARE = 0.25;

/** Draws one fault of the kinds asked for. */
export function drawFault(kinds: readonly FaultKind[], targets: FaultTargets): Fault {
  const { random, nodes, servers, disk, lastsMsMax } = targets;
  const pick = (n: number): number => Math.floor(random() * n);
  const possible = kinds.filter((kind) => kind !== "disk" || disk !== undefined);
  const kind = possible[pick(possible.length)] ?? "node";
  // All is drawn for every fault: then a seed's later faults do not depend on the kinds of the earlier ones.
  const node = pick(nodes.length);
  const server = pick(servers.urls.length);
  const downMs = Math.round(random() * lastsMsMax);
  const ms = Math.round(PAUSE_MS_MIN + random() * (PAUSE_SHARE * lastsMsMax - PAUSE_MS_MIN));
  const [first, second] = [random(), random()];
  switch (kind) {
    case "node":
      return { kind, node, downMs, isWiped: first < WIPED_SHARE };
    case "worker":
      return { kind, node };
    case "hang":
      return { kind, node, ms };
    case "server":
      return { kind, server, downMs };
    case "pause":
      return first < 2 / 3 ? { kind: "pause-node", node, ms } : { kind: "pause-server", server, ms };
    case "disk":
      return { kind, node: disk?.node ?? 0, ms };
    case "cut":
      return { kind, node, ms, mode: second < 0.5 ? "refuse" : "swallow" };
    default:
      return assertNever(kind);
  }
}

/** What a fault happens to: two at once happen to two. */
export function targetOf(fault: Fault): string {
  return "node" in fault ? `node ${fault.node}` : `server ${fault.server}`;
}

const UNITS_PATIENCE_MS = 30_000;
const UNITS_LOOK_MS = 100;

/** Lets a fault happen and repairs it. */
export async function inflict(fault: Fault, targets: FaultTargets): Promise<void> {
  const { servers, disk, random } = targets;
  if (!("node" in fault)) {
    if (fault.kind === "server") {
      await servers.kill(fault.server);
      await sleep(fault.downMs);
      await servers.restart(fault.server);
    } else {
      servers.pause(fault.server);
      await sleep(fault.ms);
      servers.resume(fault.server);
    }
    return;
  }
  const node = targets.nodes[fault.node];
  if (node === undefined) throw new Error(`there is no node ${fault.node}`);
  switch (fault.kind) {
    case "node":
      await node.kill();
      if (fault.isWiped) await node.wipe();
      await sleep(fault.downMs);
      return node.start();
    case "worker":
    case "hang": {
      const url = await node.inspector();
      const what = fault.kind === "worker" ? { kind: "end" as const } : { kind: fault.kind, ms: fault.ms };
      const untilMs = performance.now() + UNITS_PATIENCE_MS;
      while (!(await inThread(url, what, (n) => Math.floor(random() * n)))) {
        if (performance.now() > untilMs) throw new Error(`${node.name} has no thread that holds units`);
        await sleep(UNITS_LOOK_MS); // Beside another fault they may be about to be opened.
      }
      return fault.kind === "hang" ? sleep(fault.ms) : undefined;
    }
    case "pause-node":
      node.pause();
      await sleep(fault.ms);
      return node.resume();
    case "disk":
      await disk?.disk.fill();
      await sleep(fault.ms);
      return disk?.disk.free();
    case "cut":
      node.cut(fault.mode);
      await sleep(fault.ms);
      return node.cut("pass");
    default:
      return assertNever(fault);
  }
}
