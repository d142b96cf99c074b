import { raisePointer, readCurrent } from "../actors/raise-pointer.ts";
import { takeVersion } from "../actors/take-version.ts";
import { refused } from "../events/request-body.ts";
import {
  type ChangedRecords,
  type ExperimentRecord,
  type ExperimentRecords,
  NO_EXPERIMENTS,
} from "../experiments/experiment-records.ts";
import { assert } from "../kernel/assert.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { tellShards } from "./tell-shards.ts";

type StorePorts = Pick<GatewayPorts, "log" | "releases" | "subjects">;

const EXPERIMENTS = "experiments";

/** The experiments that are defined, as the store holds them; version 0 before any. */
export async function readExperiments({
  releases,
}: Pick<StorePorts, "releases">): Promise<ExperimentRecords> {
  return (await readCurrent<ExperimentRecords>(releases, EXPERIMENTS)) ?? NO_EXPERIMENTS;
}

/**
 * Writes experiments as they are to be under the next version, and tells every shard's log, from where they are in force. What
 * another gateway has written meanwhile is not lost: the change is made anew on top of it.
 *
 * @param change - Makes the change; it may be called more than once.
 * @throws EngineError with the code of a refused change.
 */
export async function changeExperiments(
  ports: StorePorts,
  options: Pick<GatewayOptions, "shards">,
  change: (records: ExperimentRecords) => ChangedRecords,
): Promise<Readonly<{ records: ExperimentRecords; record: ExperimentRecord }>> {
  const { releases } = ports;
  let record: ExperimentRecord | undefined;
  const records = await takeVersion(releases, EXPERIMENTS, await readExperiments(ports), (newest) => {
    const changed = change(newest);
    if (changed.kind === "refused") throw refused(changed);
    record = changed.record;
    if (changed.kind === "unchanged") return undefined;
    return { version: newest.version + 1, experiments: changed.experiments };
  });
  assert(record !== undefined, "a change was made or found made");
  const { version } = records;
  await raisePointer(releases, EXPERIMENTS, version);
  // Also what is unchanged: a crash may have come before this.
  await tellShards(ports, options, `experiments:${version}`, { kind: "experiments-activated", version });
  return { records, record };
}
