import { expect, test } from "vitest";
import { encodeEntry } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import type { SampleBatch } from "../../src/profiles/sample.ts";
import type { OutboxItem } from "../../src/shards/context-store.ts";
import { erasedBy, outputWithout, usersIn } from "../../src/shards/outputs-of-users.ts";

const subjects = subjectsOf("test");
const hashUser = userHasher(new Uint8Array(32).fill(7));
const ada = { sequence: 10, hash: hashUser("ada"), user: "ada" };
/** As a copy meets the entry that was away until the erasure was done. */
const unnamedAda = { sequence: 10, hash: hashUser("ada") };

test.each([
  ["by name", ada],
  ["by a hash alone", unnamedAda],
])("of samples from before an erasure, told %s, only number and time are published", (_, leaver) => {
  const item = anItem(subjects.samples, encode(someSamples(["ada", 9], ["ada", 11], ["bob", 9])));
  const rest = outputWithout(item, erasedBy([leaver], hashUser), subjects, hashUser);
  const { samples } = decode(rest.data) as SampleBatch;
  expect(samples.map(({ user, sequence }) => [user, sequence])).toEqual([
    ["", 9],
    ["ada", 11],
    ["bob", 9],
  ]);
  expect(samples[0]?.vector).toHaveLength(0);
});

test("a transition or a dead letter of theirs is not published, another one is as it was", () => {
  const transition = (user: string, sequence: number): Uint8Array =>
    new TextEncoder().encode(JSON.stringify({ id: `0:${sequence}:0`, user }));
  const letter = (user: string, sequence: number): Uint8Array =>
    encode({ sequence, data: encodeEntry({ kind: "behaviour", id: "1", user, type: "view", tsMs: 0 }) });
  const isErased = erasedBy([ada], hashUser);
  for (const [stream, of] of [
    [subjects.transitions, transition],
    [subjects.deadLetters, letter],
  ] as const) {
    const theirs = outputWithout(anItem(stream, of("ada", 9)), isErased, subjects, hashUser);
    expect(theirs.data).toHaveLength(0);
    for (const other of [anItem(stream, of("ada", 11)), anItem(stream, of("bob", 9)), theirs])
      expect(outputWithout(other, isErased, subjects, hashUser)).toBe(other);
    expect(usersIn(anItem(stream, of("ada", 9)), subjects)).toEqual([{ user: "ada", sequence: 9 }]);
  }
});

function anItem(stream: string, data: Uint8Array): OutboxItem {
  return { key: 1, after: 8, through: 12, stream, id: "x", data };
}

function someSamples(...of: readonly (readonly [user: string, sequence: number])[]): SampleBatch {
  const samples = of.map(([user, sequence]) => {
    return { sequence, index: 0, user, encoder: "e", tsMs: 5, labels: {}, vector: Uint8Array.of(1, 0) };
  });
  return { shard: 0, samples };
}
