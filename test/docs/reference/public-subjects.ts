import { ENDPOINT_ROLES } from "../../../src/events/roles.ts";

/** What an endpoint takes and answers, in a line each. */
export const SUBJECTS: Readonly<Record<string, readonly [request: string, reply: string]>> = {
  ingest: [
    "one event, or `{events: […]}` up to 1,000 ([events.md](events.md))",
    "`{accepted, refused: [{index, code, message}], positions}` once the log has stored them",
  ],
  score: [
    "`{user, map?, context?, atLeast?, top?, explain?}`",
    "`{user, map, known, segments: [{segment, probability, similarity, resonating}], none, evidence, versions, ages, position, decision}`",
  ],
  "score.batch": [
    "`{users: […], map?, top?, format?, fields?}` up to 1,000",
    '`{answers: […]}`, one a user; with `format: "columns"` one table ([scores.md](scores.md))',
  ],
  "score.shard.*": [
    "as `score`, for users of that shard",
    "the same, without the way over a gateway ([scores.md](scores.md))",
  ],
  "score.batch.shard.*": [
    "as `score.batch`, for users of that shard",
    "the same, without the way over a gateway",
  ],
  shards: ["–", "`{shards, hash}`: to compute a user's shard ([scores.md](scores.md))"],
  "score.session": [
    "`{events: […], context?, token?}`",
    "the same for a visitor of whom nothing is stored; its `token` carries their state ([events.md](events.md))",
  ],
  content: [
    "`{user, placement, context?}`",
    "`{content, segment, arm, basis, propensity, decision, …}`: what to show this user there ([content.md](content.md))",
  ],
  explain: [
    "`{user, map?, context?}` or `{decision}`",
    "what features and recent events add, runner-up, thresholds, what would flip it; of a decision the answer again, to the last bit ([explain.md](explain.md))",
  ],
  profiles: [
    "`{map?, curve?}`",
    "published profiles: version, age, members, thresholds, overlap; with `curve` reliability, precision and reach ([calibration.md](calibration.md))",
  ],
  status: ["–", "shards, owners, lag, readiness, counters"],
  "segments.get": ["–", "definitions in force ([segments.md](segments.md))"],
  "segments.put": ["segment definitions", "`{version, warming?}`; a change warms first"],
  "content.get": ["–", "the catalogue in force ([content.md](content.md))"],
  "content.put": ["placements and items", "`{version}`"],
  "content.rates": [
    "`{placement?, content?, segment?}`",
    "how often each content is clicked in each segment, with 95 % credible intervals",
  ],
  "privacy.get": ["–", "the policy of consent in force ([privacy.md](privacy.md))"],
  "privacy.put": ["a policy of consent: by purpose, family of features and region", "`{version}`"],
  "privacy.report": [
    "`{map?, measured?}`",
    "of private maps: what they promise and have spent, and, unless `measured` is false, what the noise does to their profiles",
  ],
  "experiments.define": ["an experiment ([experiments.md](experiments.md))", "what it means"],
  "experiments.status": ["–", "all experiments, with units and verdicts"],
  "experiments.report": ["`{experiment}`", "arms, always-valid intervals, split, guardrails, verdict"],
  "experiments.stop": ["`{experiment}`", "its last report"],
  export: [
    "`{user, cursor?}`",
    "`{lines, next?}`: everything that is held of a user ([privacy.md](privacy.md))",
  ],
  erase: [
    "`{user, waitMs?}` or `{erasure}`",
    "how far it is, and then the proof that everything held of the user is gone ([privacy.md](privacy.md))",
  ],
};

/** The table of public subjects, with the roles that may ask each. */
export function publicSubjects(): string {
  const rows = Object.entries(ENDPOINT_ROLES).map(([name, roles]) => {
    const [request, reply] = SUBJECTS[name] ?? ["?", "?"];
    return `| \`resonance.v1.${name}\` | ${request} | ${reply} | ${roles.join(", ")} |`;
  });
  return [
    "| subject | request | reply | roles |",
    "|---|---|---|---|",
    ...rows,
    "| `resonance.v1.transitions.<map>.<segment>` | – | published: `{id, user, kind: entered or left, probability, at, …}` | reader, operator |",
  ].join("\n");
}
