import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { encode } from "../../src/kernel/msgpack.ts";
import { userHasher } from "../../src/privacy/user-hash.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import type { ProfileStore } from "../../src/profiles/profile-store.ts";
import { profilesOf } from "../../src/profiles/publish.ts";
import { readSampleMessage } from "../../src/profiles/read-sample-message.ts";
import { redactSamples } from "../../src/profiles/redact-samples.ts";
import type { SampleBatch } from "../../src/profiles/sample.ts";
import { aMap, aSample, DAY_MS, NOON_MS } from "./some-samples.ts";

const hashUser = userHasher(new Uint8Array(32).fill(3));
const DIM = 3;
const ENCODERS = ["in-force", "candidate"];

type Given = Readonly<{ user: string; segment: string; encoder: string; day: number; value: number }>;

const someGiven = fc.array(
  fc.record({
    user: fc.constantFrom("ada", "bob", "eve"),
    segment: fc.constantFrom("new", "loyal", ""),
    encoder: fc.constantFrom(...ENCODERS),
    day: fc.nat(9),
    value: fc.integer({ min: -2_000, max: 2_000 }),
  }),
  { minLength: 1, maxLength: 40 },
);

function batchOf({ user, segment, encoder, day, value }: Given, sequence: number): SampleBatch {
  const labels = segment === "" ? {} : { life: segment };
  const tsMs = NOON_MS + day * DAY_MS;
  return {
    shard: 0,
    samples: [aSample({ sequence, user, labels, encoder, tsMs, vector: [value, 1, -value] })],
  };
}

const erasure = (sequence: number): SampleBatch => ({
  shard: 0,
  samples: [],
  removals: [{ sequence, index: 0, user: "ada", hash: hashUser("ada") }],
});

/** The messages once ada's erasure is through: as whoever comes later reads them. */
function redacted(batch: SampleBatch): SampleBatch {
  const rest = redactSamples(encode(batch), (user) => user === "ada", hashUser);
  return rest === undefined ? batch : (readSampleMessage(rest.data) as SampleBatch);
}

function opened(store: ProfileStore): ProfileState {
  const state = new ProfileState(store, [], hashUser);
  state.useMaps([aMap()], 1);
  return state;
}

async function run(
  batches: readonly SampleBatch[],
  store = memoryProfileStore(),
  from = 1,
): Promise<ProfileStore> {
  const state = opened(store);
  if (from === 1) {
    state.apply(1, { shard: 1, samples: [aSample({ user: "first", encoder: "in-force", tsMs: NOON_MS })] });
    state.prepare("candidate");
  }
  for (const [i, batch] of batches.entries()) state.apply(from + 1 + i, batch);
  await store.commit(state.takeCommit());
  return store;
}

/** Sums and members, and what would be published of both encoders. */
function contentOf(store: ProfileStore): unknown {
  const state = opened(store);
  return ENCODERS.map((encoder) => {
    const ledger = state.ledger(encoder)!;
    const published = profilesOf(ledger, aMap(), { version: 1, dim: DIM, calibrations: [] });
    return {
      sums: [...store.sums(encoder)].map(([key, bytes]) => [key, ...bytes]).sort(),
      // Rows that have expired are swept at leisure.
      members: store.membersAfter(encoder, undefined, 100).flatMap(([user]) => {
        const record = ledger.member(user);
        return record === undefined ? [] : [[user, record]];
      }),
      profiles: published.profiles.map(({ segment, members, centroid }) => [segment, members, ...centroid]),
      background: published.background,
    };
  });
}

test("after an erasure profiles are, to the last bit, those of a run that never saw the user", async () => {
  const holds = async (given: readonly Given[]) => {
    // Windows end at the newest sample: here it is somebody else's.
    const last: Given = { user: "eve", segment: "new", encoder: "in-force", day: 9, value: 7 };
    const all = [...given, last].map((one, i) => batchOf(one, i + 1));
    const others = all.filter(({ samples }) => samples[0]?.user !== "ada");
    const seen = await run([...all, erasure(all.length + 1)]);
    const never = await run(others);
    expect(contentOf(seen)).toEqual(contentOf(never));
  };
  await fc.assert(fc.asyncProperty(someGiven, holds), { numRuns: 200 });
});

test("whoever reads the redacted messages, from the beginning or having been away, comes to the same, down to the counters", async () => {
  const holds = async (given: readonly Given[], away: number) => {
    const before = given.map((one, i) => batchOf(one, i + 1));
    const messages = [...before, erasure(before.length + 1)];
    const left = messages.map(redacted);
    expect(JSON.stringify(left)).not.toContain('"ada"');
    const present = await run(messages);
    const fresh = await run(left);
    const store = await run(messages.slice(0, away));
    const late = await run(left.slice(away), store, 1 + Math.min(away, messages.length));
    for (const other of [fresh, late]) {
      expect(contentOf(other)).toEqual(contentOf(present));
      expect(other.meta()).toEqual(present.meta());
    }
  };
  await fc.assert(fc.asyncProperty(someGiven, fc.nat(40), holds), { numRuns: 200 });
});
