import pc from "picocolors";
import type { ExplainReply } from "../../explain.ts";
import type { Contender, Part } from "../../resonance/explanation.ts";
import { signedBar } from "./bars.ts";
import { fitToCells, withoutControls } from "./cell-width.ts";
import { formatMoment, formatSpan } from "./format-number.ts";

/** Cells of a half of a bar, at most. */
const HALF_CELLS_MAX = 20;
const NAME_CELLS = 34;
/** Parts smaller than this, in log odds, are told together. */
const SMALL = 0.005;
/** What sums of many numbers leave of 0. */
const ROUNDING = 1e-6;

type Told = ExplainReply["explanation"];

/** Draws an explanation: what leads and why, as bars from a middle line, and what would change it. */
export function drawExplanation(reply: ExplainReply, columns: number): string[] {
  const { answer, explanation: told, atMs } = reply;
  const { lead, top, runnerUp } = told;
  const cells = Math.max(6, Math.min(HALF_CELLS_MAX, Math.floor((columns - NAME_CELLS - 12) / 2)));
  const largest = Math.max(...[...lead.bySource, ...lead.byEvent].map(({ value }) => Math.abs(value)));
  const draw = (name: string, value: number): string => {
    const colour = value < 0 ? pc.red : pc.green;
    return `${fitToCells(withoutControls(name), NAME_CELLS)} ${colour(signedBar(value, largest, cells))} ${signed(value)}`;
  };
  const user = withoutControls(answer.user || "somebody unknown");
  const seen = answer.known ? `${answer.evidence.toFixed(1)} effective events` : "nothing known: the prior";
  return [
    `${pc.bold(user)} in ${told.map} · ${seen} · answered ${formatMoment(atMs)} UTC`,
    leadOf(top, runnerUp, lead.value),
    "",
    pc.bold(
      `by source, in log odds${told.method === "exact" ? "" : " (parts in turn, each as what it changes)"}`,
    ),
    ...partsOf(lead.bySource, draw),
    pc.dim(draw("together", lead.value)),
    "",
    pc.bold(`by event: the newest ${told.counts.told} of ${told.counts.done}`),
    ...lead.byEvent
      .filter(({ kind, value }) => kind !== "event" && Math.abs(value) > ROUNDING)
      .map((part) => draw(nameOf(part), part.value)),
    ...eventsOf(told, draw),
    "",
    ...flipOf(told),
    ...thresholdsOf(told),
    pc.dim(
      `decision ${answer.decision} · encoder ${answer.versions.encoder.slice(0, 12)} · profiles v${answer.versions.profiles[told.map] ?? 0}`,
    ),
  ];
}

function leadOf(top: Contender, runnerUp: Contender | null, lead: number): string {
  const share = (one: Contender) => `${label(one.segment)} (${(100 * one.probability).toFixed(1)} %)`;
  if (runnerUp === null) return `${pc.bold(share(top))} is ${signed(lead)} log odds from even`;
  return `${pc.bold(share(top))} leads ${share(runnerUp)} by ${signed(lead)} log odds`;
}

/** The largest parts first; those too small to see are told as one, so that all add up. */
function partsOf(parts: readonly Part[], draw: (name: string, value: number) => string): string[] {
  const large = parts.filter(({ value }) => Math.abs(value) >= SMALL);
  const small = parts.filter(({ value }) => Math.abs(value) < SMALL && value !== 0);
  const rest = small.reduce((sum, { value }) => sum + value, 0);
  return [
    ...large
      .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
      .map((part) => draw(nameOf(part), part.value)),
    ...(small.length === 0 ? [] : [draw(`${small.length} smaller ones`, rest)]),
  ];
}

function eventsOf({ events, lead }: Told, draw: (name: string, value: number) => string): string[] {
  const values = new Map(lead.byEvent.map(({ event, value }) => [event, value]));
  return events.map((event, e) => {
    const what = [event.type ?? "event", event.item].filter((part) => part !== undefined).join(" ");
    return draw(`${age(event.ageMs).padStart(9)} ago  ${what}`, values.get(e) ?? 0);
  });
}

/** What would change the decision, in words. */
function flipOf({ flip, events, counts }: Told): string[] {
  const held = flip.isExact ? "" : " (as far as older events, which are not held one by one, allow to tell)";
  if (flip.newest === null && flip.fewest === null) {
    if (counts.done === 0) return ["There is no event yet that could be absent."];
    return [`No number of the newest ${counts.held} events decided it alone${held}.`];
  }
  const lines: string[] = [];
  if (flip.newest !== null) {
    const { events: count, becomes } = flip.newest;
    const which = count === 1 ? "the newest event" : `the newest ${count} events`;
    lines.push(`Without ${which} it would be ${pc.bold(label(becomes))}${held}.`);
  }
  if (flip.fewest !== null) {
    const some = flip.fewest.events.map((e) => {
      const event = events[e];
      const what = withoutControls([event?.type ?? "event", event?.item ?? ""].join(" ").trim());
      return `${what} ${age(event?.ageMs ?? 0)} ago`;
    });
    lines.push(
      `Without ${some.length} of the newest it would be ${pc.bold(label(flip.fewest.becomes))}: ${some.join(", ")}.`,
    );
  }
  return lines;
}

function thresholdsOf({ thresholds }: Told): string[] {
  return thresholds.flatMap(({ segment, resonating, distance, enter, leave }) => {
    if (distance === null || enter === null || leave === null || (!resonating && distance <= -1)) return [];
    const name = withoutControls(segment);
    return resonating
      ? `${name} resonates: ${signed(distance)} log odds above where it stops (${(100 * leave).toFixed(1)} %)`
      : `${name} does not resonate: ${signed(distance)} log odds from its threshold (${(100 * enter).toFixed(1)} %)`;
  });
}

function nameOf({ kind, name }: Part): string {
  const names: Record<Part["kind"], string> = {
    prior: "prior",
    context: "context of the first visit",
    feedback: "feedback on content",
    intercept: "calibration",
    center: "profiles' centre",
    bias: "encoder's bias",
    family: `features: ${name}`,
    features: "features, all families",
    tokens: `tokens: ${name}`,
    history: "history",
    event: "event",
    earlier: "earlier events",
  };
  return names[kind];
}

/** A span that a person remembers: minutes below two hours, then hours, then days. */
function age(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours < 2) return formatSpan(ms);
  return hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} d`;
}

function label(segment: string | null): string {
  return segment === null ? "none" : withoutControls(segment);
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
}
