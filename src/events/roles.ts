/** What somebody who connects to NATS is there for; each may do what the tables below name, and nothing else. */
export const ROLES = ["node", "producer", "reader", "operator"] as const;
export type Role = (typeof ROLES)[number];

const SHARD_NUMBER = /\.shard\.\d+$/;

/** What a role may publish and subscribe to at the NATS server: subjects, with its wildcards. */
export type Permissions = Readonly<{ publish: readonly string[]; subscribe: readonly string[] }>;

/** What the server lets through decides who gets the answer: no role can listen to another one's. */
const INBOX = "_INBOX_";

/**
 * Who may ask a public endpoint, by the name behind `<prefix>.v1.`; a node may ask them all. `*` stands for a shard's
 * number.
 */
export const ENDPOINT_ROLES: Readonly<Record<string, readonly Role[]>> = {
  ingest: ["producer", "operator"],
  score: ["reader", "operator"],
  "score.batch": ["reader", "operator"],
  "score.session": ["reader", "operator"],
  "score.shard.*": ["reader", "operator"],
  "score.batch.shard.*": ["reader", "operator"],
  shards: ["reader", "operator"],
  content: ["reader", "operator"],
  explain: ["reader", "operator"],
  profiles: ["reader", "operator"],
  status: ["reader", "operator"],
  "segments.get": ["reader", "operator"],
  "content.get": ["reader", "operator"],
  "privacy.get": ["reader", "operator"],
  "experiments.status": ["reader", "operator"],
  "experiments.report": ["reader", "operator"],
  // Has figures that no noise covers: asked before and after a removal, they would tell whose it was.
  "privacy.report": ["operator"],
  "content.rates": ["operator"],
  "experiments.define": ["operator"],
  "experiments.stop": ["operator"],
  "segments.put": ["operator"],
  "content.put": ["operator"],
  "privacy.put": ["operator"],
  erase: ["operator"],
  export: ["operator"],
};

/** What operators ask the owner of the profiles, by the name behind `<prefix>.internal.profiles.`. */
export const OPERATOR_TASKS: readonly string[] = [
  "calibrate",
  "discard",
  "drift",
  "promote",
  "rollback",
  "train",
  "training",
  "whatif",
];

/**
 * What a node needs beside the engine's own subjects. A stream's number is inside a word (`RESONANCE_LOG_0`), where NATS
 * can't match it, so the names of streams are left open: a deployment has an account, or a server, to itself.
 */
const NODE_PUBLISHES: readonly string[] = [
  "*", // The logs: each has one subject, of one word.
  "$KV.>",
  "$O.>",
  "$JS.FC.>",
  "$JS.API.INFO",
  "$JS.API.STREAM.CREATE.*",
  "$JS.API.STREAM.UPDATE.*",
  "$JS.API.STREAM.DELETE.*",
  "$JS.API.STREAM.PURGE.*",
  "$JS.API.STREAM.INFO.*",
  "$JS.API.STREAM.NAMES",
  "$JS.API.STREAM.LIST",
  "$JS.API.STREAM.MSG.GET.*",
  "$JS.API.STREAM.MSG.DELETE.*",
  "$JS.API.DIRECT.GET.>",
  "$JS.API.STREAM.SNAPSHOT.*", // Backups, and restoring them.
  "$JS.API.STREAM.RESTORE.*",
  "$JS.SNAPSHOT.>",
  "$JS.API.CONSUMER.CREATE.>",
  "$JS.API.CONSUMER.DELETE.*.*",
  "$JS.API.CONSUMER.INFO.*.*",
  "$JS.API.CONSUMER.MSG.NEXT.*.*",
];

/** First word of the subjects on which a role waits for answers. */
export function inboxPrefixOf(role: Role): string {
  return INBOX + role;
}

/** The role whose inbox a subject is in; undefined if it is none. */
export function roleOfInbox(subject: string): Role | undefined {
  if (!subject.startsWith(INBOX)) return undefined;
  const dot = subject.indexOf(".");
  if (dot < 0) return undefined;
  const word = subject.slice(INBOX.length, dot);
  return ROLES.find((role) => role === word);
}

/** All that a role may do at the NATS server. */
export function permissionsOf(role: Role, prefix: string): Permissions {
  const inbox = `${inboxPrefixOf(role)}.>`;
  if (role === "node")
    return {
      publish: [
        `${prefix}.v1.>`,
        `${prefix}.internal.>`,
        ...ROLES.map((asker) => `${inboxPrefixOf(asker)}.>`),
        `${prefix.toUpperCase()}_REDACTED.>`, // What is left of log messages that an erasure took parts of.
        ...NODE_PUBLISHES,
      ],
      // The second word of `*.told.>` is what the tables of the cluster are passed on under.
      subscribe: [`${prefix}.v1.>`, `${prefix}.internal.>`, "*.told.>", "$SRV.>", inbox],
    };
  const endpoints = Object.entries(ENDPOINT_ROLES)
    .filter(([, roles]) => roles.includes(role))
    .map(([name]) => `${prefix}.v1.${name}`);
  const tasks =
    role === "operator" ? OPERATOR_TASKS.map((name) => `${prefix}.internal.profiles.${name}`) : [];
  const services =
    role === "operator"
      ? ["$SRV.PING.>", "$SRV.INFO.>", "$SRV.STATS.>", "$SRV.PING", "$SRV.INFO", "$SRV.STATS"]
      : [];
  const transitions = role === "producer" ? [] : [`${prefix}.v1.transitions.>`];
  return { publish: [...endpoints, ...tasks, ...services], subscribe: [...transitions, inbox] };
}

/**
 * Who may ask a subject that the engine serves. What no table names is for operators if it is public, and for nodes if
 * it is not: a subject that somebody forgot to list is closed.
 */
export function rolesThatMayAsk(prefix: string, subject: string): readonly Role[] {
  const api = `${prefix}.v1.`;
  if (subject.startsWith(api)) {
    const name = subject.slice(api.length).replace(SHARD_NUMBER, ".shard.*");
    return ["node", ...(ENDPOINT_ROLES[name] ?? ["operator" as const])];
  }
  const tasks = `${prefix}.internal.profiles.`;
  const isTask = subject.startsWith(tasks) && OPERATOR_TASKS.includes(subject.slice(tasks.length));
  if (subject.startsWith("$SRV.")) return ["operator"];
  return isTask ? ["node", "operator"] : ["node"];
}

/** Whether a request has to be signed: it changes what all are told, or concerns a whole person. */
export function isSigned(prefix: string, subject: string): boolean {
  return rolesThatMayAsk(prefix, subject).join() === "node,operator";
}
