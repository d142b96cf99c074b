import { systemClock } from "../../adapters/system-clock.ts";
import { DEFAULT_REFIT_POLICY } from "../../embedding/refit-policy.ts";
import { parseEvent } from "../../events/parse-event.ts";
import { DEFAULT_CONSENT } from "../../gateway/consent-policy.ts";
import { ContextReader } from "../../gateway/context-reader.ts";
import { toBehaviour } from "../../gateway/to-behaviour.ts";
import { readEventsFile } from "../read-events-file.ts";
import { mapOfLabels } from "../recording/segment-maps.ts";
import { type DepthReport, DepthScores } from "./depth-scores.ts";
import { EngineInMemory } from "./engine-in-memory.ts";
import { readLabels } from "./read-labels.ts";
import { type SplitRule, splitUsers } from "./split.ts";

/** What is evaluated and how. */
export type EvaluateOptions = Readonly<{
  eventsPath: string;
  usersPath: string;
  /** Name of the map, and the label of the users file that its segments come from. */
  map: string;
  label: string;
  split: SplitRule;
  seed: number;
  /** Newest events kept of a user. */
  ringEvents: number;
}>;

/** The result; the one object that `resonance evaluate --json` prints. */
export type Evaluation = Readonly<{
  events: number;
  /** Users with a label and at least one event; each is a member, whose label was told, or masked. */
  users: number;
  members: number;
  masked: number;
  map: string;
  depths: readonly DepthReport[];
  encoder: Readonly<{ kind: string; version: string; trained: boolean; dim: number }>;
  /** Lines that are no event, by code. */
  refused: Readonly<Record<string, number>>;
  seconds: number;
}>;

export const DEPTHS = [1, 5, 10, 20, 50] as const;

/**
 * Streams events in time order through the very fold that a node runs. Members' labels are known from their first
 * event on, masked users' never; encoder and calibration are refitted as members grow, so that every score rests on
 * what came before it. Each masked user is scored after so many events and at the end.
 *
 * @throws EngineError `NO_LABELS` if no user carries the label in two or more values.
 */
export async function evaluate(
  options: EvaluateOptions,
  progress: (events: number, done: number | null) => void,
): Promise<Evaluation> {
  const beganMs = systemClock.monotonicMs();
  const labels = await readLabels(options.usersPath, options.label);
  const { map, segmentOf: names } = mapOfLabels(
    { name: options.map, label: options.label },
    labels.values(),
    options.usersPath,
  );
  const segments = [...names.keys()];
  const { masked } = splitUsers([...labels.keys()], options.split);
  const engine = new EngineInMemory(map, options);
  await engine.open();

  const scores = new Map<number | "all", DepthScores>(
    [...DEPTHS, "all" as const].map((depth) => [depth, new DepthScores()]),
  );
  const seen = new Map<string, number>();
  const refused: Record<string, number> = {};
  const note = (user: string, depth: number | "all"): void => {
    const { probabilities, prior } = engine.score(user);
    scores.get(depth)?.add(probabilities, prior, segments.indexOf(labels.get(user) ?? ""));
  };
  const contexts = new ContextReader();
  let events = 0;
  let nextFit: number = DEFAULT_REFIT_POLICY.firstMembers;
  const file = await readEventsFile(options.eventsPath);
  for await (const line of file) {
    const parsed = line.kind === "bad" ? line : parseEvent(line.value, Number.MAX_SAFE_INTEGER);
    if (parsed.kind !== "event" || !("event" in parsed)) {
      const code = "code" in parsed ? parsed.code : "NOT_AN_OBJECT";
      refused[code] = (refused[code] ?? 0) + 1;
      continue;
    }
    const behaviour = toBehaviour(parsed.event, DEFAULT_CONSENT, () => {}, contexts);
    if (behaviour === undefined) {
      refused["NO_CONSENT"] = (refused["NO_CONSENT"] ?? 0) + 1;
      continue;
    }
    const { user } = behaviour;
    const label = labels.get(user);
    const isMasked = masked.has(user);
    const count = (seen.get(user) ?? 0) + 1;
    seen.set(user, count);
    if (count === 1 && label !== undefined && !isMasked) {
      const segment = names.get(label) ?? label;
      const identify = {
        id: `identify ${user}`,
        user,
        type: "identify",
        tsMs: behaviour.tsMs,
        segments: { [options.map]: segment },
      };
      engine.fold({ kind: "behaviour", ...identify });
    }
    engine.fold(behaviour);
    events++;
    if (isMasked && (DEPTHS as readonly number[]).includes(count)) note(user, count);
    if (engine.members >= nextFit) {
      await engine.refit();
      nextFit = Math.ceil(engine.members * DEFAULT_REFIT_POLICY.growth);
    } else if (engine.isWorthPublishing) await engine.publish();
    if (events % PROGRESS_EVENTS === 0) {
      progress(events, file.sizeBytes === null ? null : file.readBytes / file.sizeBytes);
    }
  }
  await engine.refit();
  await engine.publish();
  for (const user of masked) if (seen.has(user)) note(user, "all");

  const known = [...labels.keys()].filter((user) => seen.has(user));
  const maskedSeen = known.filter((user) => masked.has(user)).length;
  const depths = [...scores].flatMap(([depth, held]) =>
    held.users > 0 ? [held.report(depth, segments.length)] : [],
  );
  const { kind, version, trained, dim } = engine.encoder;
  return {
    events,
    users: known.length,
    members: known.length - maskedSeen,
    masked: maskedSeen,
    map: options.map,
    depths,
    encoder: { kind, version, trained, dim },
    refused,
    seconds: (systemClock.monotonicMs() - beganMs) / 1_000,
  };
}

const PROGRESS_EVENTS = 1_000;
