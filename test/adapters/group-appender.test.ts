import { expect, test } from "vitest";
import type { Append } from "../../src/actors/log.ts";
import { GroupAppender, type GroupTransport, type SentGroup } from "../../src/adapters/group-appender.ts";
import { messages } from "./log-messages.ts";

const LIMITS = {
  groupsMax: 2,
  secondFrom: 8,
  messagesMax: 10,
  bytesMax: 1_000,
  patienceMs: 1_000,
  attemptMs: 300,
};
const NONE: ReadonlyMap<number, unknown> = new Map();

/** A stream that stores a group when the test lets it, with a clock of its own. */
class FakeStream implements GroupTransport {
  readonly groups: (readonly Append[])[] = [];
  readonly stored: string[] = [];
  readonly timeoutsMs: number[] = [];
  nowMs = 0;
  isThere = true;
  /** What happens to the next groups, in turn; they are stored where it says nothing. */
  readonly faults: ((messages: readonly Append[]) => SentGroup)[] = [];
  #answers: (() => void)[] = [];
  readonly #isHeld: boolean;

  /** @param isHeld - Groups wait until {@link release} is called. */
  constructor(isHeld = false) {
    this.#isHeld = isHeld;
  }

  async send(sent: readonly Append[], timeoutMs: number): Promise<SentGroup> {
    this.groups.push(sent);
    this.timeoutsMs.push(timeoutMs);
    if (this.#isHeld) await new Promise<void>((resolve) => this.#answers.push(resolve));
    return this.faults.shift()?.(sent) ?? { sequences: this.store(sent), failures: NONE };
  }

  /** Lets a group on its way be answered, the first unless given, and all that follows from it happen. */
  async release(which = 0): Promise<void> {
    this.#answers.splice(which, 1)[0]?.();
    await this.turn();
  }

  /** Lets all happen that waits for nothing else. */
  async turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Keeps what is new; @returns the sequence of each, of a repeat the first. */
  store(sent: readonly Append[]): number[] {
    return sent.map(({ id }) => {
      if (!this.stored.includes(id)) this.stored.push(id);
      return this.stored.indexOf(id) + 1;
    });
  }

  isPassing = (thrown: unknown): boolean => thrown === "passing";
  recovered = async (): Promise<boolean> => {
    this.nowMs += 100;
    return this.isThere;
  };
  toError = (thrown: unknown): Error => new Error(String(thrown));
  monotonicMs = (): number => this.nowMs;
}

const named = (name: string, count: number): Append[] =>
  messages(count).map(({ data }, index) => ({ id: `${name}${index}`, data }));
const sizes = ({ groups }: FakeStream): number[] => groups.map((group) => group.length);

test("calls of one turn go together, and each gets its own sequences", async () => {
  const stream = new FakeStream();
  const appender = new GroupAppender(stream, LIMITS);
  const told = await Promise.all([
    appender.append(named("a", 2)),
    appender.append(named("b", 1)),
    appender.append(named("c", 3)),
  ]);
  expect(told).toEqual([[1, 2], [3], [4, 5, 6]]);
  expect(sizes(stream)).toEqual([6]);
});

test("what comes while a group is on its way waits, and goes as the next group", async () => {
  const stream = new FakeStream(true);
  const appender = new GroupAppender(stream, LIMITS);
  const first = appender.append(named("a", 1));
  await stream.turn();
  const others = [appender.append(named("b", 2)), appender.append(named("c", 2))];
  expect(sizes(stream)).toEqual([1]);
  await stream.release();
  expect(await first).toEqual([1]);
  expect(sizes(stream)).toEqual([1, 4]);
  await stream.release();
  expect(await Promise.all(others)).toEqual([
    [2, 3],
    [4, 5],
  ]);
});

test("a group has no more messages than may go together, and no call is torn", async () => {
  const stream = new FakeStream();
  const appender = new GroupAppender(stream, LIMITS);
  await Promise.all(["a", "b", "c"].map((name) => appender.append(named(name, 6))));
  expect(sizes(stream)).toEqual([6, 6, 6]);
});

test("a group has no more bytes than may go together, unless a single call has", async () => {
  const stream = new FakeStream();
  const appender = new GroupAppender(stream, LIMITS);
  const large = (id: string, bytes: number): Append[] => [{ id, data: new Uint8Array(bytes) }];
  await Promise.all(
    [large("a", 600), large("b", 600), large("c", 2_000), large("d", 1)].map((one) => appender.append(one)),
  );
  expect(sizes(stream)).toEqual([1, 1, 1, 1]);
});

test("a message that is refused fails its own caller; the others' are stored", async () => {
  const stream = new FakeStream();
  stream.faults.push((sent) => ({ sequences: stream.store(sent), failures: new Map([[2, "too large"]]) }));
  const appender = new GroupAppender(stream, LIMITS);
  const [a, b, c] = await Promise.allSettled([
    appender.append(named("a", 2)),
    appender.append(named("b", 2)),
    appender.append(named("c", 2)),
  ]);
  expect(a).toEqual({ status: "fulfilled", value: [1, 2] });
  expect(b).toMatchObject({ status: "rejected", reason: { message: "too large" } });
  expect(c).toEqual({ status: "fulfilled", value: [5, 6] });
  expect(stream.groups).toHaveLength(1);
});

test("a second group goes before the first is answered if enough waits, a third does not", async () => {
  const stream = new FakeStream(true);
  const appender = new GroupAppender(stream, LIMITS);
  const told = ["a", "b", "c"].map((name) => appender.append(named(name, 8)));
  await stream.turn();
  expect(sizes(stream)).toEqual([8, 8]);
  for (const _ of told) await stream.release();
  expect(sizes(stream)).toEqual([8, 8, 8]);
  expect((await Promise.all(told)).map(([first]) => first)).toEqual([1, 9, 17]);
});

test("what failed in two groups is sent again in the order of the calls, once both are answered", async () => {
  const stream = new FakeStream(true);
  const fail = (): never => {
    throw "passing";
  };
  stream.faults.push(fail, fail);
  const appender = new GroupAppender(stream, LIMITS);
  const told = ["a", "b", "c"].map((name) => appender.append(named(name, 8)));
  await stream.turn();
  await stream.release(1); // The second is answered first.
  expect(sizes(stream)).toEqual([8, 8]);
  await stream.release();
  for (const _ of told) await stream.release();
  expect(stream.groups.slice(2).map((group) => group[0]?.id)).toEqual(["a0", "b0", "c0"]);
  expect((await Promise.all(told)).map(([first]) => first)).toEqual([1, 9, 17]);
});

test("only who failed is sent again, before all that came later", async () => {
  const stream = new FakeStream(true);
  const appender = new GroupAppender(stream, LIMITS);
  const [a, b] = [appender.append(named("a", 1)), appender.append(named("b", 2))];
  stream.faults.push((sent) => ({
    sequences: stream.store(sent.slice(0, 2)),
    failures: new Map([[2, "passing"]]),
  }));
  await stream.turn();
  const later = appender.append(named("c", 1));
  await stream.release();
  expect(await a).toEqual([1]);
  await stream.release();
  expect(await b).toEqual([2, 3]); // Its first message was known by its id.
  expect(await later).toEqual([4]);
  expect(stream.groups[1]?.map(({ id }) => id)).toEqual(["b0", "b1", "c0"]);
});

test("a connection that breaks in the middle of a group loses nothing and changes no order", async () => {
  const stream = new FakeStream();
  for (const through of [3, 0, 1])
    stream.faults.push((sent) => {
      stream.store(sent.slice(0, through));
      throw "passing";
    });
  const appender = new GroupAppender(stream, LIMITS);
  const told = await Promise.all(["a", "b", "c"].map((name) => appender.append(named(name, 2))));
  expect(told).toEqual([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  expect(stream.stored).toEqual(["a0", "a1", "b0", "b1", "c0", "c1"]);
});

test("whoever's patience is used up is told, and does not end that of the others", async () => {
  const stream = new FakeStream();
  const fail = (): never => {
    throw "passing";
  };
  const appender = new GroupAppender(stream, LIMITS);
  stream.faults.push(...Array.from({ length: 5 }, () => fail));
  const impatient = appender.append(named("a", 1)).catch((error: unknown) => error);
  stream.nowMs = 900;
  const patient = appender.append(named("b", 1));
  expect(await impatient).toMatchObject({ message: "passing" });
  expect(await patient).toEqual([1]);
});

test("an attempt lasts no longer than the first caller's patience", async () => {
  const stream = new FakeStream();
  const appender = new GroupAppender(stream, LIMITS);
  const call = appender.append(named("a", 1));
  stream.nowMs = 800;
  await Promise.all([call, appender.append(named("b", 1))]);
  expect(stream.timeoutsMs).toEqual([200]);
});

test("where waiting does not help, all that failed are told at once", async () => {
  const stream = new FakeStream();
  stream.isThere = false;
  stream.faults.push(() => {
    throw "passing";
  });
  const appender = new GroupAppender(stream, LIMITS);
  const told = await Promise.allSettled([appender.append(named("a", 1)), appender.append(named("b", 1))]);
  expect(told.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  stream.isThere = true;
  expect(await appender.append(named("c", 1))).toEqual([1]);
});
