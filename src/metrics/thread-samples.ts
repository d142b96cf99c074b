import type { MeterFigures, WorkRole } from "../actors/unit-meter.ts";
import type { Samples } from "./samples.ts";

const ROLES: readonly WorkRole[] = ["owner", "standby"];

/** Adds what the copies of a thread measure together. */
export function addMeter(samples: Samples, thread: string, meter: MeterFigures): void {
  for (const role of ROLES) {
    samples.addBuckets("resonance_fold_duration_seconds", meter.folds[role], { thread, role });
    samples.addBuckets("resonance_fold_entries", meter.entries[role], { thread, role });
    samples.addBuckets("resonance_commit_duration_seconds", meter.commits[role], { thread, role });
  }
  for (const [map, counts] of Object.entries(meter.transitions))
    for (const kind of ["entered", "left"] as const)
      samples.add("resonance_transitions_total", counts[kind], { thread, map, kind });
  samples.addBuckets("resonance_erasure_duration_seconds", meter.erasures, { thread });
}

/** Adds the state of a connection to NATS. */
export function addConnection(
  samples: Samples,
  connection: string,
  { isConnected, reconnects }: Readonly<{ isConnected: boolean; reconnects: number }>,
): void {
  samples.add("resonance_nats_connected", isConnected, { connection });
  samples.add("resonance_nats_reconnects_total", reconnects, { connection });
}
