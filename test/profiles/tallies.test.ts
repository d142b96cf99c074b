import fc from "fast-check";
import { expect, test } from "vitest";
import { identityCompressor } from "../../src/adapters/identity-compressor.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { memoryBus } from "../../src/adapters/memory-bus.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";
import { memoryProfileStore } from "../../src/adapters/memory-profile-store.ts";
import { decodeEntries } from "../../src/events/log-codec.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { startProfileHost } from "../../src/profiles/profile-host.ts";
import { ProfileState } from "../../src/profiles/profile-state.ts";
import type { TallyChange } from "../../src/profiles/sample.ts";
import { restoreProfiles, snapshotProfiles } from "../../src/profiles/snapshot-profiles.ts";
import { insecureBits } from "../privacy/insecure-seeded-bits.ts";
import { COUNTS } from "./some-tallies.ts";

const KINDS = [COUNTS];

function aChange(sequence: number, index = 0, name = "a", by = 1): TallyChange {
  return { sequence, index, tally: "counts", change: { name, by } };
}

function told(state: ProfileState): unknown {
  return JSON.parse(new TextDecoder().decode(state.tallies.get("counts")?.release()));
}

test("what a shard adds counts once, however its messages are cut and repeated", () => {
  const shape = fc.record({ from: fc.nat(20), to: fc.nat(20) });
  const changes = Array.from({ length: 20 }, (_, i) => aChange(1 + (i >> 1), i % 2, `n${i % 3}`, i));
  const whole = new ProfileState(memoryProfileStore(), KINDS);
  whole.apply(1, { shard: 3, samples: [], tallies: changes });
  const holds = (cuts: { from: number; to: number }[]) => {
    const state = new ProfileState(memoryProfileStore(), KINDS);
    let sent = 0;
    let sequence = 0;
    for (const { from, to } of [...cuts, { from: 0, to: 20 }]) {
      // A copy that takes over sends again from where it knows, never leaving a gap.
      const start = Math.min(from, sent);
      const tallies = changes.slice(start, Math.max(start, to));
      sent = Math.max(sent, start + tallies.length);
      state.apply(++sequence, { shard: 3, samples: [], tallies });
    }
    expect(told(state)).toEqual(told(whole));
  };
  fc.assert(fc.property(fc.array(shape, { maxLength: 8 }), holds));
});

test("samples and changes of one shard are numbered apart, and so are the shards", () => {
  const state = new ProfileState(memoryProfileStore(), KINDS);
  state.apply(1, { shard: 0, samples: [], tallies: [aChange(9)] });
  state.apply(2, { shard: 1, samples: [], tallies: [aChange(2)] });
  state.apply(3, { shard: 0, samples: [], tallies: [aChange(9), aChange(9, 1)] });
  expect(told(state)).toEqual([["a", 3]]);
  expect(state.repeats).toBe(1);
});

test("a change of an unknown tally, or one that can't be read, is passed over and counted", () => {
  const state = new ProfileState(memoryProfileStore(), KINDS);
  const unknown = { ...aChange(1), tally: "of-tomorrow" };
  state.apply(1, { shard: 0, samples: [], tallies: [unknown, { ...aChange(2), change: {} }, aChange(3)] });
  expect(told(state)).toEqual([["a", 1]]);
  expect(state.dropped).toBe(2);
});

test("what was committed is what a restart goes on from, also through a snapshot", async () => {
  const store = memoryProfileStore();
  const state = new ProfileState(store, KINDS);
  state.apply(1, { shard: 0, samples: [], tallies: [aChange(1), aChange(2, 0, "b", 5)] });
  state.tallies.publish(1);
  state.apply(2, { shard: 0, samples: [], tallies: [aChange(3)] });
  await store.commit(state.takeCommit());
  const ports = { blobs: memoryBlobStore(), compressor: identityCompressor, pause: async () => {} };
  await snapshotProfiles(ports, "profiles", store);
  const restored = memoryProfileStore();
  await restoreProfiles(ports, "profiles", restored, { accepts: () => true, report: () => {} });
  for (const from of [store, restored]) {
    const again = new ProfileState(from, KINDS);
    expect(told(again)).toEqual(told(state));
    expect(JSON.stringify(again.takeCommit().meta)).toBe(JSON.stringify(store.meta()));
    again.apply(3, { shard: 0, samples: [], tallies: [aChange(3)] });
    expect(again.repeats).toBe(1);
    expect(again.tallies.publish(3).map(({ id }) => id)).toEqual(["counts:2:3"]);
  }
});

test("a release is written and put in force in every shard's log; without a change there is none", async () => {
  const subjects = subjectsOf("test");
  const clock = { nowMs: () => 0, monotonicMs: () => 0 };
  const [log, bus, releases] = [new MemoryLog(clock), memoryBus(), memoryBlobStore()];
  const shardLogs = [0, 1].map((shard) => subjects.shardLog(shard));
  for (const stream of [...shardLogs, subjects.samples]) await log.ensure(stream);
  const never = () => new Promise<void>(() => {});
  const copy = await startProfileHost(
    { log, bus, releases, store: memoryProfileStore(), clock, sleep: never, subjects, bits: insecureBits(1) },
    { shards: 2, publishEveryMs: 1_000, tallies: KINDS },
  );
  await copy.own({ epoch: 1, session: 1, isHeld: () => true });
  const send = (sequence: number) =>
    log.append(subjects.samples, [
      { id: `${sequence}`, data: encode({ shard: 0, samples: [], tallies: [aChange(sequence)] }) },
    ]);
  const publish = () => bus.request(subjects.profileActor("publish"), new Uint8Array(), { timeoutMs: 1_000 });
  const now = async () => {
    const asked = encode({ tally: "counts" });
    const reply = await bus.request(subjects.profileActor("tally"), asked, { timeoutMs: 1_000 });
    return decode(reply.data) as { version: number; release: Uint8Array };
  };
  await send(1);
  expect(new TextDecoder().decode((await now()).release)).toBe('[["a",1]]');
  await publish();
  await publish();
  expect(new TextDecoder().decode(await releases.get("counts.1"))).toBe('[["a",1]]');
  expect(new TextDecoder().decode(await releases.get("counts.current"))).toBe('{"version":1}');
  expect((await now()).version).toBe(1);
  for (const stream of shardLogs) {
    const reader = await log.read(stream, 1);
    const entries = (await reader.next(9)).flatMap(({ data }) => decodeEntries(data));
    expect(entries).toEqual([{ kind: "segments-prepared", version: 1 }]);
    await reader.close();
  }
  await copy.stop();
});
