import type { Log } from "./actors/log.ts";
import { oldestNeededSequence, pruneSnapshots } from "./actors/prune-snapshots.ts";
import type { SnapshotManifest } from "./actors/snapshot-manifest.ts";
import type { UnitCopy } from "./actors/unit-copy.ts";
import type { SnapshotPorts } from "./actors/write-snapshot.ts";
import type { Clock } from "./kernel/clock.ts";
import { EngineError, toWireError } from "./kernel/engine-error.ts";
import type { Report } from "./kernel/report.ts";
import { whileOwned } from "./while-owned.ts";

/** What keeping snapshots of a unit takes. */
export type SnapshotDuty = Readonly<{
  ports: SnapshotPorts;
  log: Log;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  report: Report;
  unit: string;
  stream: string;
  /** Time between two snapshots, ms; Infinity for none. */
  everyMs: number;
  /** The log keeps entries at least this long, ms, also when snapshots contain them; Infinity: for ever. */
  keepLogMs: number;
  write(): Promise<SnapshotManifest | undefined>;
  /** The first entry that the log must keep whatever snapshots contain; left out for none. */
  keepFrom?(): number;
}>;

/** Snapshots that can be restored at any time: should the newest be damaged, there is another. */
const KEPT = 2;
/** How often the end of ownership is noticed. */
const LOOK_MS = 500;

/**
 * Lets a copy write snapshots of itself while it owns its unit, keep the newest, and trim the log behind what they,
 * and the time that the log is kept, still need. Standbys that are further behind start from a snapshot. A snapshot
 * that finds the copy's store damaged fails the copy: else the damage would lie there, and no snapshot be written.
 */
export function keepSnapshots(copy: UnitCopy, duty: SnapshotDuty): UnitCopy {
  if (!Number.isFinite(duty.everyMs)) return copy;
  const damaged = Promise.withResolvers<never>();
  const done = Promise.race([copy.done, damaged.promise]);
  done.catch(() => {}); // Whoever holds the copy is told.
  const kept = whileOwned(copy, async (lease, goesOn) => {
    let nextMs = duty.clock.monotonicMs() + duty.everyMs * (0.5 + spreadOf(duty.unit));
    while (goesOn()) {
      await duty.sleep(Math.min(LOOK_MS, duty.everyMs));
      if (!goesOn() || duty.clock.monotonicMs() < nextMs || !lease.isHeld()) continue;
      await round(duty).catch((thrown) => {
        if (thrown instanceof EngineError && thrown.code === "STORE_CORRUPT") damaged.reject(thrown);
        const { code, message } = toWireError(thrown);
        duty.report(`${duty.unit}: no snapshot this time (${code}: ${message})`, {
          ...{ event: "snapshot.postponed", level: "warn", unit: duty.unit, code },
        });
      });
      nextMs = duty.clock.monotonicMs() + duty.everyMs;
    }
  });
  return { ...kept, done };
}

async function round(duty: SnapshotDuty): Promise<void> {
  const written = await duty.write();
  if (written === undefined) return;
  await pruneSnapshots(duty.ports.blobs, duty.unit, KEPT);
  if (!Number.isFinite(duty.keepLogMs)) return;
  const oldest = await oldestNeededSequence(duty.ports.blobs, duty.unit);
  const keepFrom = Math.min(oldest, duty.keepFrom?.() ?? oldest);
  await duty.log.trim(duty.stream, keepFrom - 1, duty.clock.nowMs() - duty.keepLogMs);
}

/** In [0, 1), by name: units that started together do not all write at the same moment. */
function spreadOf(unit: string): number {
  let sum = 0;
  for (const character of unit) sum = (sum * 31 + character.charCodeAt(0)) % 997;
  return sum / 997;
}
