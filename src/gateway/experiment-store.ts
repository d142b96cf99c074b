import { currentVersion, raisePointer } from "../actors/raise-pointer.ts";
import { readJson } from "../actors/read-json.ts";
import { refused } from "../events/request-body.ts";
import {
  type ChangedRecords,
  type ExperimentRecord,
  type ExperimentRecords,
  NO_EXPERIMENTS,
} from "../experiments/experiment-records.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { tellShards } from "./tell-shards.ts";

type StorePorts = Pick<GatewayPorts, "log" | "releases" | "subjects">;

const EXPERIMENTS = "experiments";

/** The experiments that are defined, as the store holds them; version 0 before any. */
export async function readExperiments({
  releases,
}: Pick<StorePorts, "releases">): Promise<ExperimentRecords> {
  const current = await currentVersion(releases, EXPERIMENTS);
  const held = current === undefined ? undefined : await ofVersion(releases, current);
  return held ?? NO_EXPERIMENTS;
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
  const { records, record } = await takeVersion(releases, change);
  const { version } = records;
  await raisePointer(releases, EXPERIMENTS, version);
  // Also what is unchanged: a crash may have come before this.
  await tellShards(ports, options, `experiments:${version}`, { kind: "experiments-activated", version });
  return { records, record };
}

async function takeVersion(
  releases: StorePorts["releases"],
  change: (records: ExperimentRecords) => ChangedRecords,
): Promise<Readonly<{ records: ExperimentRecords; record: ExperimentRecord }>> {
  for (let newest = await readExperiments({ releases }); ; ) {
    const after = await ofVersion(releases, newest.version + 1);
    if (after !== undefined) {
      newest = after;
      continue;
    }
    const changed = change(newest);
    if (changed.kind === "refused") throw refused(changed);
    if (changed.kind === "unchanged") return { records: newest, record: changed.record };
    const records = { version: newest.version + 1, experiments: changed.experiments };
    const bytes = new TextEncoder().encode(JSON.stringify(records));
    if (await releases.create(`${EXPERIMENTS}.${records.version}`, bytes))
      return { records, record: changed.record };
  }
}

function ofVersion(
  releases: StorePorts["releases"],
  version: number,
): Promise<ExperimentRecords | undefined> {
  return readJson<ExperimentRecords>(releases, `${EXPERIMENTS}.${version}`);
}
