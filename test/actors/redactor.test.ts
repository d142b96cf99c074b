import fc from "fast-check";
import { expect, test } from "vitest";
import { type RedactionTarget, Redactor } from "../../src/actors/redactor.ts";
import { Stretches } from "../../src/actors/stretches.ts";
import { MemoryLog } from "../../src/adapters/memory-log.ts";

const clock = { nowMs: () => 0, monotonicMs: () => 0 };
const bytes = (users: readonly string[]): Uint8Array => Buffer.from(users.join(" "));
const usersIn = (data: Uint8Array): string[] => Buffer.from(data).toString().split(" ").filter(Boolean);

/** A stream whose messages are names, some of which can't be read. */
async function aStream(redacting: () => Promise<void> = async () => {}) {
  const log = new MemoryLog(clock);
  const redact = log.redact.bind(log);
  log.redact = async (...given) => {
    await redacting();
    await redact(...given);
  };
  await log.ensure("names");
  let read = 0;
  let ids = 0;
  const redactor = new Redactor<RedactionTarget>(
    { log, clock, pause: async () => {}, sleep: async () => {} },
    "names",
    {
      redact: ({ data, sequence }, targets, found) => {
        const left = usersIn(data).filter((user) => {
          const isGone = sequence <= (targets.get(user)?.through ?? 0);
          if (isGone) found(user, 1);
          return !isGone;
        });
        return left.length === usersIn(data).length ? undefined : bytes(left);
      },
      idsOf: (data) => {
        read++;
        const users = usersIn(data);
        return users.includes("broken") ? undefined : users;
      },
    },
  );
  const append = (users: readonly string[]) => log.append("names", [{ id: `${++ids}`, data: bytes(users) }]);
  const held = async (): Promise<string[]> => {
    const { last } = await log.bounds("names");
    const found: string[] = [];
    const reader = await log.read("names", 1);
    for (let at = 0; at < last; )
      for (const { sequence, data } of await reader.next(100)) {
        at = sequence;
        found.push(usersIn(data).join(" "));
      }
    await reader.close();
    return found;
  };
  const takeRead = (): number => {
    const count = read;
    read = 0;
    return count;
  };
  return { log, redactor, append, held, takeRead };
}

const NAMES = ["ada", "bob", "cyd", "broken"];

test("whatever came when, those who were taken out are in no message up to their place, and everybody else is", async () => {
  const message = fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 });
  const step = fc.oneof(
    message.map((users) => ({ kind: "append" as const, users })),
    fc
      .uniqueArray(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 })
      .map((users) => ({ kind: "erase" as const, users })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { redactor, append, held } = await aStream();
      const expected: string[][] = [];
      for (const { kind, users } of steps) {
        if (kind === "append") {
          await append(users);
          expected.push([...users]);
          continue;
        }
        const through = expected.length;
        const counts = await Promise.all(users.map((user) => redactor.erase({ user, through })));
        for (const [u, user] of users.entries()) {
          const entries = expected.flat().filter((one) => one === user).length;
          expect(counts[u]?.entries).toBe(entries);
        }
        for (const [m, names] of expected.entries())
          expected[m] = names.filter((name) => !users.includes(name));
      }
      expect(await held()).toEqual(expected.map((names) => names.join(" ")));
    }),
    { numRuns: 150 },
  );
});

test("the first scan reads the stream; later ones what has come since, and the messages that somebody asked for may be in", async () => {
  const { redactor, append, takeRead } = await aStream();
  for (let i = 0; i < 5_000; i++) await append([i < 2_000 ? "ada" : `visitor-${i}`]);
  await redactor.erase({ user: "bob", through: 5_000 });
  expect(takeRead()).toBe(5_000);
  await append(["bob"]);
  expect(await redactor.erase({ user: "bob", through: 5_001 })).toEqual({ messages: 1, entries: 1 });
  expect(takeRead()).toBe(1);
  expect(await redactor.erase({ user: "visitor-4500", through: 5_001 })).toEqual({ messages: 1, entries: 1 });
  expect(takeRead()).toBe(1);
  expect(await redactor.erase({ user: "ada", through: 5_001 })).toEqual({ messages: 2_000, entries: 2_000 });
  expect(takeRead()).toBeLessThan(2_100);
});

test("what a stream has lost at its begin is asked for no more", async () => {
  const { log, redactor, append } = await aStream();
  for (let i = 0; i < 3_000; i++) await append(["ada"]);
  await redactor.erase({ user: "bob", through: 3_000 });
  await log.trim("names", 2_500, Number.POSITIVE_INFINITY);
  expect(await redactor.erase({ user: "ada", through: 3_000 })).toEqual({ messages: 500, entries: 500 });
});

test("a removal that fails is told to whoever asked for it, and may be asked for again", async () => {
  let isDown = true;
  const { redactor, append, held } = await aStream(async () => {
    if (isDown) throw new Error("out of reach");
  });
  await append(["ada", "bob"]);
  await expect(redactor.erase({ user: "ada", through: 1 })).rejects.toThrow("out of reach");
  isDown = false;
  expect(await redactor.erase({ user: "bob", through: 1 })).toEqual({ messages: 1, entries: 1 });
  expect(await redactor.erase({ user: "ada", through: 1 })).toEqual({ messages: 1, entries: 1 });
  expect(await held()).toEqual([""]);
});

test("of more ids than memory is for, it is known where they are, then in which stretch, then nothing", () => {
  const stretches = new Stretches({ placesMax: 2_500, hashesMax: 5_000 });
  const messages = 1_024;
  for (let s = 0; s < 60; s++) {
    const ids = Array.from({ length: 200 }, (_, i) => `${s}-${i}`);
    for (let m = 1; m <= messages; m++) stretches.add(s * messages + m, m === 7 ? ids : []);
  }
  const through = Number.POSITIVE_INFINITY;
  const stretch = (s: number) => ({ from: s * messages + 1, to: (s + 1) * messages });
  const forgotten = { from: 1, to: stretch(22).to };
  const place = { from: 59 * messages + 7, to: 59 * messages + 7 };
  expect(stretches.holding([{ user: "59-7", through }])).toEqual([forgotten, place]);
  expect(stretches.holding([{ user: "30-7", through }])).toEqual([forgotten, stretch(30)]);
  expect(stretches.holding([{ user: "59-7", through: stretch(22).to }])).toEqual([forgotten]);
  stretches.trim(stretch(29).to);
  expect(stretches.holding([{ user: "30-7", through }])).toEqual([stretch(30)]);
  expect(stretches.holding([{ user: "59-7", through }])).toEqual([place]);
});

test("messages that were deleted in between make no difference, however many", () => {
  const stretches = new Stretches();
  const places = [3, 9, 2 ** 20 + 2, 2 ** 20 + 3, 2 ** 22, 2 ** 32];
  for (const sequence of places) stretches.add(sequence, [`u${sequence % 2}`]);
  const held = (user: string) => stretches.holding([{ user, through: Number.POSITIVE_INFINITY }]);
  expect(held("u1")).toEqual([3, 9, 2 ** 20 + 3].map((at) => ({ from: at, to: at })));
  expect(held("u0")).toEqual([2 ** 20 + 2, 2 ** 22, 2 ** 32].map((at) => ({ from: at, to: at })));
});
