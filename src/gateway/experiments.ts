import { ask } from "../actors/ask.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import type { Verdict } from "../experiments/decide.ts";
import type { Experiment } from "../experiments/experiment.ts";
import { type ExperimentNumbers, noNumbers, readNumbers } from "../experiments/experiment-book.ts";
import { type ExperimentRecord, withExperiment, withoutRunning } from "../experiments/experiment-records.ts";
import { armEncoder } from "../experiments/experiment-release.ts";
import { parseExperiment } from "../experiments/parse-experiment.ts";
import { buildReport, type ExperimentReport } from "../experiments/report.ts";
import { look } from "../experiments/watch.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { changeExperiments, readExperiments } from "./experiment-store.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/** The reply of `experiments.define` and `experiments.stop`. */
export type ExperimentReply = Readonly<{
  /** Of all experiments' definitions. */
  version: number;
  experiment: string;
  /** Epoch ms; `stopped` is null while it runs. */
  started: number;
  stopped: number | null;
}>;

/** One experiment in the reply of `experiments.status`. */
export type ExperimentStatus = Omit<ExperimentReply, "version"> &
  Readonly<{
    placement: string;
    units: number;
    plannedUnits: number;
    arms: ExperimentReport["arms"];
    sampleRatioAlarm: boolean;
    verdicts: readonly (Readonly<{ arm: string }> & Verdict)[];
  }>;

/** The reply of `experiments.report`. */
export type ExperimentReportReply = ExperimentReport & Pick<ExperimentReply, "started" | "stopped">;

/** The endpoints of experiments, by the name behind `experiments.`. */
export type ExperimentEndpoints = Readonly<{
  define(body: unknown): Promise<ExperimentReply>;
  stop(body: unknown): Promise<ExperimentReply>;
  status(body: unknown): Promise<Readonly<{ version: number; experiments: readonly ExperimentStatus[] }>>;
  report(body: unknown): Promise<ExperimentReportReply>;
}>;

/** A placement, as far as experiments have to know it. */
type PlacementView = Readonly<{ name: string; map: string }>;

type Ports = Pick<GatewayPorts, "bus" | "clock" | "decodeProfiles" | "log" | "releases" | "subjects">;

/** The profile actor may be changing its owner. */
const NUMBERS_PATIENCE_MS = 5_000;

/**
 * @param policies - The ways of choosing content that arms may name.
 * @param placements - Those in force.
 */
export function experimentEndpoints(
  ports: Ports,
  options: Pick<GatewayOptions, "shards">,
  policies: readonly string[],
  placements: () => readonly PlacementView[],
): ExperimentEndpoints {
  return {
    async define(body) {
      const parsed = parseExperiment(body, policies);
      if (parsed.kind === "refused") throw refused(parsed);
      const placement = placements().find(({ name }) => name === parsed.experiment.placement);
      if (placement === undefined) throw unknownPlacement(placements());
      const experiment = await withCandidate(ports, parsed.experiment, placement.map);
      const { records, record } = await changeExperiments(ports, options, (held) =>
        withExperiment(held, experiment, ports.clock.nowMs()),
      );
      return replyOf(records.version, record);
    },
    async stop(body) {
      const name = namedIn(body);
      const { records, record } = await changeExperiments(ports, options, (held) =>
        withoutRunning(held, name, ports.clock.nowMs()),
      );
      return replyOf(records.version, record);
    },
    async status(body) {
      fieldsOf(body, []);
      const { version, experiments } = await readExperiments(ports);
      const numbers = await numbersNow(ports);
      return {
        version,
        experiments: experiments.map((record) => statusOf(record, reportOf(record, numbers, ports))),
      };
    },
    async report(body) {
      const name = namedIn(body);
      const { experiments } = await readExperiments(ports);
      const record = experiments.find(({ experiment }) => experiment.name === name);
      if (record === undefined) throw unknownExperiment(experiments);
      const { started, stopped } = replyOf(0, record);
      return { ...reportOf(record, await numbersNow(ports), ports), started, stopped };
    },
  };
}

/**
 * Puts the version of the encoder that is held in the place of the word, and keeps the profiles that it would serve with: for
 * the experiment they stay as they are.
 *
 * @throws EngineError `NOTHING_TO_PROMOTE` if no encoder is held, `CANDIDATE_WARMS_UP` (retryable) while it is not ready.
 */
async function withCandidate(ports: Ports, experiment: Experiment, map: string): Promise<Experiment> {
  if (armEncoder(experiment) === undefined) return experiment;
  const { bus, releases, subjects, decodeProfiles } = ports;
  const subject = subjects.profileActor("preview");
  const { encoder, profiles, prepared, shards } = (await ask(
    bus,
    subject,
    {},
    NUMBERS_PATIENCE_MS,
  )) as CandidatePreview;
  if (prepared < shards) throw warmsUp(prepared, shards);
  const bytes = profiles.find((one) => decodeProfiles(one).map === map);
  if (bytes === undefined) throw warmsUp(prepared, shards);
  await releases.create(`arm-profiles.${experiment.name}.${encoder}`, bytes); // Defined again, it keeps those that it has.
  const arms = experiment.arms.map((arm) => (arm.encoder === undefined ? arm : { ...arm, encoder }));
  return { ...experiment, arms };
}

/** The reply of `internal.profiles.preview`. */
type CandidatePreview = Readonly<{
  encoder: string;
  profiles: readonly Uint8Array[];
  prepared: number;
  shards: number;
}>;

function warmsUp(prepared: number, shards: number): EngineError {
  const message = `the candidate is still warming up, ${prepared} of ${shards} shards are through: try again a little later`;
  return new EngineError({ code: "CANDIDATE_WARMS_UP", message, retryable: true });
}

/** The numbers of all experiments as the profile actor has them now. @throws EngineError `NO_RESPONDERS`, `TIMEOUT` (retryable). */
async function numbersNow({ bus, subjects }: Ports): Promise<ReadonlyMap<string, ExperimentNumbers>> {
  const subject = subjects.profileActor("tally");
  const reply = (await ask(bus, subject, { tally: "experiments" }, NUMBERS_PATIENCE_MS)) as {
    release?: Uint8Array;
  };
  return reply.release === undefined ? new Map() : readNumbers(reply.release).numbers;
}

/** The report as of now: one more look, whose interval is as valid as those before. */
function reportOf(
  record: ExperimentRecord,
  numbers: ReadonlyMap<string, ExperimentNumbers>,
  { clock }: Ports,
): ExperimentReport {
  const { experiment, stoppedMs } = record;
  const { sums, watch } = numbers.get(experiment.name) ?? noNumbers(record);
  const atMs = stoppedMs ?? clock.nowMs();
  return buildReport(experiment, sums, look(watch, experiment, sums, atMs));
}

function statusOf(record: ExperimentRecord, report: ExperimentReport): ExperimentStatus {
  const { experiment, started, stopped } = replyOf(0, record);
  const { placement, units, plannedUnits, arms, sampleRatio, verdicts } = report;
  return {
    experiment,
    placement,
    started,
    stopped,
    units,
    plannedUnits,
    arms,
    sampleRatioAlarm: sampleRatio.alarm,
    verdicts,
  };
}

function replyOf(version: number, { experiment, startedMs, stoppedMs }: ExperimentRecord): ExperimentReply {
  return { version, experiment: experiment.name, started: startedMs, stopped: stoppedMs ?? null };
}

function namedIn(body: unknown): string {
  const { experiment } = fieldsOf(body, ["experiment"]);
  if (experiment === undefined) throw refused({ code: "MISSING_FIELD", message: "experiment is missing" });
  if (typeof experiment !== "string")
    throw refused({ code: "WRONG_TYPE", message: "experiment must be the name of one" });
  return experiment;
}

function unknownExperiment(experiments: readonly ExperimentRecord[]) {
  const known = experiments.map(({ experiment }) => experiment.name).join(", ") || "none is";
  return refused({ code: "UNKNOWN_EXPERIMENT", message: `no such experiment is defined: ${known}` });
}

function unknownPlacement(placements: readonly PlacementView[]) {
  const known = placements.map(({ name }) => name).join(", ") || "none is";
  const message = `placement: the catalogue of contents in force has no such placement: ${known}`;
  return refused({ code: "BAD_EXPERIMENT", message });
}
