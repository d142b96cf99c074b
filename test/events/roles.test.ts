import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ENDPOINT_ROLES,
  inboxPrefixOf,
  isSigned,
  OPERATOR_TASKS,
  permissionsOf,
  ROLES,
  roleOfInbox,
  rolesThatMayAsk,
} from "../../src/events/roles.ts";

const PREFIX = "resonance";

test("a producer may send events, and nothing else", () => {
  expect(permissionsOf("producer", PREFIX)).toEqual({
    publish: ["resonance.v1.ingest"],
    subscribe: ["_INBOX_producer.>"],
  });
});

test("only a node may use JetStream, the logs and the inner subjects", () => {
  for (const role of ["producer", "reader", "operator"] as const)
    for (const subject of permissionsOf(role, PREFIX).publish)
      expect(subject).toMatch(
        /^(resonance\.v1\.|resonance\.internal\.profiles\.[a-z]+$|\$SRV\.(PING|INFO|STATS))/,
      );
});

test("nobody but its role listens to an inbox", () => {
  for (const role of ROLES)
    for (const other of ROLES)
      expect(permissionsOf(role, PREFIX).subscribe.includes(`${inboxPrefixOf(other)}.>`)).toBe(
        role === other,
      );
});

test("a public subject that no table names is for operators and signed, an inner one is for nodes", () => {
  expect(rolesThatMayAsk(PREFIX, "resonance.v1.forgotten")).toEqual(["node", "operator"]);
  expect(isSigned(PREFIX, "resonance.v1.forgotten")).toBe(true);
  expect(rolesThatMayAsk(PREFIX, "resonance.internal.shard.0.score")).toEqual(["node"]);
  expect(rolesThatMayAsk(PREFIX, "elsewhere.v1.score")).toEqual(["node"]);
});

test("whoever may ask may publish to the subject, and nobody else may", () => {
  const subjects = [
    ...Object.keys(ENDPOINT_ROLES).map((name) => `${PREFIX}.v1.${name}`),
    ...OPERATOR_TASKS.map((name) => `${PREFIX}.internal.profiles.${name}`),
  ];
  for (const role of ["producer", "reader", "operator"] as const)
    expect(subjects.filter((subject) => rolesThatMayAsk(PREFIX, subject).includes(role))).toEqual(
      subjects.filter((subject) => permissionsOf(role, PREFIX).publish.includes(subject)),
    );
});

test("a shard's number stands for itself at the end of a public subject only", () => {
  for (const name of ["score.shard.0", "score.batch.shard.63"])
    expect(rolesThatMayAsk(PREFIX, `${PREFIX}.v1.${name}`)).toEqual(["node", "reader", "operator"]);
  for (const name of ["score.shard.x", "score.shard.1.2", "content.shard.1"])
    expect(rolesThatMayAsk(PREFIX, `${PREFIX}.v1.${name}`), name).toEqual(["node", "operator"]);
});

test("what changes what all are told is signed, what is asked a thousand times a second is not", () => {
  for (const name of ["segments.put", "content.put", "privacy.put", "experiments.define", "experiments.stop"])
    expect(isSigned(PREFIX, `${PREFIX}.v1.${name}`), name).toBe(true);
  for (const name of ["erase", "export", "privacy.report"]) // A whole person, or figures that tell of one.
    expect(isSigned(PREFIX, `${PREFIX}.v1.${name}`), name).toBe(true);
  for (const name of ["ingest", "score", "score.batch", "content", "explain", "status", "experiments.report"])
    expect(isSigned(PREFIX, `${PREFIX}.v1.${name}`), name).toBe(false);
  expect(isSigned(PREFIX, "$SRV.PING")).toBe(false);
});

test("an inbox is of a role only if its whole first word says so", () => {
  expect(roleOfInbox("_INBOX_reader.abc")).toBe("reader");
  for (const subject of [
    "_INBOX_reader",
    "_INBOX_readers.a",
    "_INBOX.a",
    "$JS.API.STREAM.PURGE.X",
    "x._INBOX_reader.a",
  ])
    expect(roleOfInbox(subject), subject).toBe(undefined);
  fc.assert(
    fc.property(fc.string(), (text) => {
      const role = roleOfInbox(text);
      return role === undefined || text.startsWith(`_INBOX_${role}.`);
    }),
  );
});
