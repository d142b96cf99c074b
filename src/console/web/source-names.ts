import type { SourceChange } from "../../resonance/journey.ts";

const NAMES: Readonly<Record<SourceChange["kind"], string>> = {
  prior: "how frequent the segment is",
  context: "how they came at first",
  feedback: "feedback on content",
  intercept: "calibration",
  center: "middle of all profiles",
  bias: "encoder's bias",
  family: "features",
  features: "features",
  tokens: "what events name",
  history: "history, as the network keeps it",
  event: "event",
  earlier: "older events",
};

/** What families of features are about. */
const FAMILIES: Readonly<Record<string, string>> = {
  actions: "which actions",
  activity: "how active",
  categories: "categories",
  changes: "changes of behaviour",
  commerce: "buying and baskets",
  gaps: "pauses between actions",
  keywords: "search words",
  mood: "sentiment",
  origin: "where from",
  partners: "partners",
  place: "places",
  ratings: "ratings",
  rhythm: "time of day and week",
  social: "sharing and following",
  velocity: "speeding up or slowing down",
};

/** What tokens are of: each is a part of what an event names. */
const TOKENS: Readonly<Record<string, string>> = {
  thing: "which item or peer",
  deed: "what was done with it",
  topic: "its categories and words",
  setting: "kind of action, place and device",
};

/** A source of a score in words that a person knows. */
export function sourceName({ kind, name }: Pick<SourceChange, "kind" | "name">): string {
  if (name === undefined) return NAMES[kind];
  return kind === "tokens" ? (TOKENS[name] ?? `named: ${name}`) : (FAMILIES[name] ?? name);
}
