import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { findBytes } from "../bench/harness/find-bytes.ts";
import type { KeptStream } from "../src/actors/kept-stream.ts";
import { memoryKeptStream } from "../src/adapters/memory-kept-stream.ts";
import { natsKeptStream } from "../src/adapters/nats-kept-stream.ts";
import { NatsLog } from "../src/adapters/nats-log.ts";
import type { LoggedDecision } from "../src/content/content-answer.ts";
import { encodeBehaviours, encodeEntry } from "../src/events/log-codec.ts";
import type { Behaviour } from "../src/events/log-entry.ts";
import { decode, encode } from "../src/kernel/msgpack.ts";
import {
  purgeDeadLetters,
  purgeDecisions,
  purgeTransitions,
  purgeUsers,
  sharedPurge,
} from "../src/purge-users.ts";
import { describeWithNats } from "./adapters/with-nats.ts";

let streams = 0;

describe("streams in memory", () => contract(async () => memoryKeptStream()));

await describeWithNats("kept streams", (suite) => {
  let log: NatsLog;
  const open = async () => {
    const name = `KEPT_${++streams}`;
    await log.ensure(name);
    return natsKeptStream(suite().nc, log, name);
  };
  beforeAll(async () => {
    log = await NatsLog.over(suite().nc);
  });
  contract(open);

  test("no byte of who was taken out is left in the server's files", async () => {
    const users = ["ada lovelace", "charles babbage", "grace hopper"];
    const kept = { decisions: await open(), deadLetters: await open(), transitions: await open() };
    for (let i = 0; i < 30; i++) {
      await kept.decisions.append([{ id: `d${i}`, data: encode(users.map((user) => decision(user, i))) }]);
      const user = users[i % 3] ?? "";
      await kept.transitions.append([{ id: `t${i}`, data: transition(user) }]);
      await kept.deadLetters.append([{ id: `l${i}`, data: letter(encodeEntry(view(user))) }]);
    }
    const found = () => [...findBytes(suite().nats.storeDir, users).keys()].sort();
    await vi.waitFor(() => expect(found()).toEqual(users), { timeout: 10_000 });
    const erased = await purgeUsers(kept, new Set(["ada lovelace", "grace hopper"]));
    expect(erased).toEqual({ decisions: 30, deadLetters: 20, transitions: 20 });
    await vi.waitFor(() => expect(found()).toEqual(["charles babbage"]), { timeout: 10_000 });
    expect(await purgeUsers(kept, new Set(["ada lovelace"]))).toEqual({
      ...{ decisions: 0, deadLetters: 0, transitions: 0 },
    });
  });
});

function contract(open: () => Promise<KeptStream>): void {
  test("of decisions, exactly the rows of the users that go are gone, whoever shares their messages", async () => {
    const names = fc.constantFrom("ada", "ad", "ada2", 'quo"te', "bob", "cid");
    const someMessages = fc.array(fc.array(names, { minLength: 1, maxLength: 5 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(someMessages, fc.uniqueArray(names, { maxLength: 3 }), async (messages, gone) => {
        const stream = await open();
        const rows = messages.map((users, m) => users.map((user, i) => decision(user, m * 10 + i)));
        await stream.append(rows.map((data, i) => ({ id: `m${i}`, data: encode(data) })));
        await purgeDecisions(stream, new Set(gone));
        const held: LoggedDecision[] = [];
        for (const data of await all(stream)) held.push(...(decode(data) as LoggedDecision[]));
        const byId = (a: LoggedDecision, b: LoggedDecision): number => (a[0] < b[0] ? -1 : 1);
        const expected = rows.flat().filter(([, user]) => !gone.some((one) => one === user));
        expect(held.sort(byId)).toEqual(expected.sort(byId));
      }),
      { numRuns: 12 },
    );
  });

  test("a purge that was cut off behind the appending keeps what others were shown", async () => {
    const stream = await open();
    await stream.append([{ id: "m", data: encode([decision("ada", 1), decision("bob", 2)]) }]);
    const dying: KeptStream = {
      messages: () => stream.messages(),
      messagesAt: (sequences) => stream.messagesAt(sequences),
      append: (messages) => stream.append(messages),
      erase: () => Promise.reject(new Error("cut off")),
    };
    await expect(purgeDecisions(dying, new Set(["ada"]))).rejects.toThrow("cut off");
    await purgeDecisions(stream, new Set(["ada"]));
    const rows = (await all(stream)).flatMap((data) => decode(data) as LoggedDecision[]);
    expect(rows).toEqual([decision("bob", 2)]);
  });

  test("of transitions, those of the users that go are gone, also where JSON writes their ids in another way", async () => {
    const stream = await open();
    const users = ["ada", "ada2", 'quo"te\\', "bob"];
    await stream.append(users.map((user) => ({ id: user, data: transition(user) })));
    expect(await purgeTransitions(stream, new Set(["ada", 'quo"te\\']))).toBe(2);
    const held = (await all(stream)).map((data) => JSON.parse(new TextDecoder().decode(data)).user);
    expect(held).toEqual(["ada2", "bob"]);
  });

  test("dead letters of a user, those that name them as a peer, and unreadable ones with their id are gone", async () => {
    const stream = await open();
    const entries = [
      encodeEntry(view("ada")),
      encodeEntry(view("bob")),
      encodeEntry({ ...view("bob"), peer: "ada" }),
      encodeBehaviours([view("bob"), view("ada")])[0]?.data ?? new Uint8Array(),
      Buffer.from("\u00ff no entry, of ada"),
      Buffer.from("\u00ff no entry, of bob"),
      encodeEntry(view("ada2")),
      encodeEntry({ kind: "segments-prepared", version: 3 }),
    ];
    await stream.append(entries.map((data, i) => ({ id: `${i}`, data: letter(data) })));
    expect(await purgeDeadLetters(stream, new Set(["ada"]))).toBe(4);
    expect(await all(stream)).toHaveLength(4);
  });
}

async function all(stream: KeptStream): Promise<Uint8Array[]> {
  const held: Uint8Array[] = [];
  for await (const { data } of stream.messages()) held.push(data);
  return held;
}

function decision(user: string, i: number): LoggedDecision {
  return [`decision-${i}`, user, "hero", "red", "mixture", "resonance", 0.5, 3, i];
}

function transition(user: string): Uint8Array {
  const told = { id: "0:1:0", map: "life", segment: "new", user, kind: "entered", probability: 0.7, at: 1 };
  return new TextEncoder().encode(JSON.stringify(told));
}

function view(user: string): Behaviour {
  return { kind: "behaviour", id: `view of ${user}`.slice(0, 4), user, type: "view", tsMs: 1 };
}

function letter(data: Uint8Array): Uint8Array {
  return encode({ shard: 1, sequence: 2, code: "X", reason: "", stack: "", data });
}

test("one reading serves all who ask before it begins; who comes later, or after one that failed, gets another", async () => {
  const kept = {
    decisions: memoryKeptStream(),
    deadLetters: memoryKeptStream(),
    transitions: memoryKeptStream(),
  };
  const users = ["ada", "bob", "cyd", "dan"];
  await kept.transitions.append(users.map((user) => ({ id: user, data: transition(user) })));
  let readings = 0;
  const decisions: KeptStream = {
    ...kept.decisions,
    messages: () => {
      if (++readings === 3) throw new Error("out of reach");
      return kept.decisions.messages();
    },
  };
  const purge = sharedPurge({ ...kept, decisions });
  const [ada, bob] = [purge(new Set(["ada"])), purge(new Set(["bob"]))];
  await Promise.resolve().then(() => Promise.resolve()); // The first reading has begun.
  const cyd = purge(new Set(["cyd"]));
  expect(await ada).toEqual({ decisions: 0, deadLetters: 0, transitions: 2 });
  expect(await bob).toEqual(await ada);
  expect(await cyd).toEqual({ decisions: 0, deadLetters: 0, transitions: 1 });
  await expect(purge(new Set(["dan"]))).rejects.toThrow("out of reach");
  // No stream waits for another: the attempt that failed has taken out what it could.
  expect(await purge(new Set(["dan"]))).toEqual({ decisions: 0, deadLetters: 0, transitions: 0 });
  expect(readings).toBe(4);
  for await (const { data } of kept.transitions.messages()) expect.fail(`${data} is left`);
});
