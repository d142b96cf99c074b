import { expect, test } from "vitest";
import type { Log, LogMessage, LogReader } from "../../src/actors/log.ts";
import { bytesOf, messages, textOf } from "./log-messages.ts";

/** What every {@link Log} must do. `aStream` makes a stream of a new name. */
export function logContract(log: () => Log): void {
  let streams = 0;
  const aStream = async (): Promise<string> => {
    streams += 1;
    const stream = `TEST_${streams}`;
    await log().ensure(stream);
    return stream;
  };

  test("a new stream is empty and starts at sequence 1", async () => {
    expect(await log().bounds(await aStream())).toEqual({ first: 1, last: 0 });
  });

  test("a stream that is ensured again keeps what it holds", async () => {
    const stream = await aStream();
    await log().append(stream, messages(3));
    await log().ensure(stream);
    expect(await log().bounds(stream)).toEqual({ first: 1, last: 3 });
  });

  test.each([1, 2, 127, 128, 1_000, 2_300])(
    "%i messages get sequences and come back in the order given",
    async (count) => {
      const stream = await aStream();
      const sequences = await log().append(stream, messages(count));
      expect(sequences).toEqual(Array.from({ length: count }, (_, index) => index + 1));
      const read = await readAll(log(), stream, 1, count);
      expect(read.map((message) => message.sequence)).toEqual(sequences);
      expect(read.map(textOf)).toEqual(messages(count).map(textOf));
    },
  );

  test("what is old and no longer needed is trimmed, and asking for it again says so", async () => {
    const stream = await aStream();
    await log().append(stream, messages(10));
    const future = Date.UTC(2100, 0);
    expect(await log().trim(stream, 6, 0)).toBe(1); // Nothing is so old.
    expect(await log().trim(stream, 6, future)).toBe(7);
    expect(await log().bounds(stream)).toEqual({ first: 7, last: 10 });
    await expect(log().read(stream, 6)).rejects.toMatchObject({ code: "LOG_TRIMMED", retryable: false });
    expect((await readAll(log(), stream, 7, 4)).map(({ sequence }) => sequence)).toEqual([7, 8, 9, 10]);
    expect(await log().trim(stream, 3, future)).toBe(7);
    expect(await log().trim(stream, 99, future)).toBe(11);
    expect(await log().append(stream, messages(11).slice(10))).toEqual([11]);
    expect((await readAll(log(), stream, 11, 1)).map(({ sequence }) => sequence)).toEqual([11]);
  });

  test("what is trimmed is older than the time given, to the message", async () => {
    const stream = await aStream();
    let stored: LogMessage[] = [];
    for (let count = 1; new Set(stored.map(({ storedAtMs }) => storedAtMs)).size < 4; count++) {
      await log().append(stream, messages(count).slice(-1));
      stored = await readAll(log(), stream, 1, count);
    }
    const last = stored.at(-1)?.sequence ?? 0;
    const times = [...new Set(stored.map(({ storedAtMs }) => storedAtMs))];
    for (const atMs of times) {
      const first = stored.find(({ storedAtMs }) => storedAtMs >= atMs)?.sequence ?? 0;
      expect(await log().trim(stream, last, atMs)).toBe(first);
      expect(await log().bounds(stream)).toEqual({ first, last });
    }
  });

  test("a reader that is behind a trim is told so", async () => {
    const stream = await aStream();
    await log().append(stream, messages(2));
    const reader = await log().read(stream, 1);
    await take(reader, 1);
    await reader.close();
    await log().trim(stream, 2, Date.UTC(2100, 0));
    await expect(log().read(stream, 2)).rejects.toMatchObject({ code: "LOG_TRIMMED", retryable: false });
    await expect(log().read(stream, 1)).rejects.toMatchObject({ code: "LOG_TRIMMED" });
    await (await log().read(stream, 3)).close();
  });

  test("of redacted messages readers get the rest, under the same sequence and time", async () => {
    const stream = await aStream();
    await log().append(stream, messages(10));
    const before = await readAll(log(), stream, 1, 10);
    const rest = (sequence: number, text: string) => ({ ...before[sequence - 1]!, data: bytesOf(text) });
    const reader = await log().read(stream, 1);
    await take(reader, 1);
    // The first and the last ones, some in the middle, and one of them twice.
    await log().redact(
      stream,
      [1, 2, 4, 5, 9, 10].map((sequence) => rest(sequence, `rest ${sequence}`)),
    );
    const [, , , , fifth] = await readAll(log(), stream, 1, 5);
    await log().redact(stream, [{ ...fifth!, data: bytesOf("less") }]);
    const texts = messages(10).map(textOf);
    for (const i of [0, 1, 3, 4, 8, 9]) texts[i] = i === 4 ? "less" : `rest ${i + 1}`;
    const after = await readAll(log(), stream, 1, 10);
    expect(after.map(textOf)).toEqual(texts);
    expect(after.map(({ sequence, storedAtMs }) => [sequence, storedAtMs])).toEqual(
      before.map(({ sequence, storedAtMs }) => [sequence, storedAtMs]),
    );
    expect(await log().bounds(stream)).toEqual({ first: 1, last: 10 });
    expect((await readAll(log(), stream, 10, 1)).map(textOf)).toEqual(["rest 10"]);
    await reader.close();
    const waiting = await log().read(stream, 11);
    await log().append(stream, [{ id: "later", data: bytesOf("later") }]);
    expect((await take(waiting, 1)).map(textOf)).toEqual(["later"]);
    await waiting.close();
  });

  test("the last sequence is told whatever became of its message", async () => {
    const stream = await aStream();
    expect(await log().last(stream)).toBe(0);
    await log().append(stream, messages(5));
    expect(await log().last(stream)).toBe(5);
    const [, , , fourth, fifth] = await readAll(log(), stream, 1, 5);
    await log().redact(stream, [fourth as LogMessage, fifth as LogMessage]);
    expect(await log().last(stream)).toBe(5);
    await log().append(stream, messages(6).slice(5));
    expect(await log().last(stream)).toBe(6);
    await log().trim(stream, 99, Date.UTC(2100, 0));
    expect(await log().last(stream)).toBe(6);
    expect(await log().last(stream)).toBe((await log().bounds(stream)).last);
  });

  test("a range is told as readers get it, without what is trimmed", async () => {
    const stream = await aStream();
    const range = async (from: number, to: number): Promise<string[]> =>
      (await Array.fromAsync(log().range(stream, from, to)))
        .flat()
        .map(
          (message) =>
            `${message.sequence}${message.isRedacted === true ? " redacted" : ""}: ${textOf(message)}`,
        );
    await log().append(stream, messages(2_300));
    expect(await range(1, 2_300)).toEqual(
      messages(2_300).map((message, i) => `${i + 1}: ${textOf(message)}`),
    );
    expect(await range(7, 7)).toEqual(["7: message 6"]);
    expect(await range(9, 8)).toEqual([]);
    const read = await readAll(log(), stream, 1, 2_300);
    const gone = [6, 8, 9, 2_299].map((i) => ({ ...(read[i] as LogMessage), data: bytesOf(`rest of ${i}`) }));
    await log().redact(stream, gone);
    expect(await range(6, 11)).toEqual([
      ...["6: message 5", "7 redacted: rest of 6", "8: message 7"],
      ...["9 redacted: rest of 8", "10 redacted: rest of 9", "11: message 10"],
    ]);
    expect(await range(2_299, 2_300)).toEqual(["2299: message 2298", "2300 redacted: rest of 2299"]);
    await log().trim(stream, 2_100, Date.UTC(2100, 0));
    expect(await range(1, 2_102)).toEqual(["2101: message 2100", "2102: message 2101"]);
  });

  test("messages are told by their places as readers get them, without those that are trimmed or not there yet", async () => {
    const stream = await aStream();
    await log().append(stream, messages(200));
    const all = await readAll(log(), stream, 1, 200);
    await log().redact(
      stream,
      [3, 200].map((sequence) => ({ ...all[sequence - 1]!, data: bytesOf("rest") })),
    );
    await log().trim(stream, 2, Date.UTC(2100, 0));
    const asked = [1, 2, ...all.map(({ sequence }) => sequence).slice(2), 201];
    const told = await log().messagesAt(stream, asked);
    expect(told.map(({ sequence }) => sequence)).toEqual(asked.slice(2, -1));
    const again = await readAll(log(), stream, 3, 198);
    expect(told.map(textOf)).toEqual(again.map(textOf));
    expect(told.map((message) => [message.storedAtMs, message.isRedacted === true])).toEqual(
      again.map((message) => [message.storedAtMs, message.isRedacted === true]),
    );
    expect((await log().messagesAt(stream, [7, 3])).map(textOf)).toEqual([textOf(all[6]!), "rest"]);
  });

  test("a stream that begins with redacted messages is trimmed as any other", async () => {
    const stream = await aStream();
    await log().append(stream, messages(6));
    const all = await readAll(log(), stream, 1, 6);
    await log().redact(
      stream,
      [0, 1, 4].map((i) => ({ ...all[i]!, data: bytesOf("rest") })),
    );
    expect(await log().trim(stream, 1, Date.UTC(2100, 0))).toBe(2);
    await expect(log().read(stream, 1)).rejects.toMatchObject({ code: "LOG_TRIMMED" });
    expect((await readAll(log(), stream, 2, 5)).map(textOf)).toEqual([
      "rest",
      ...messages(4).slice(2).map(textOf),
      "rest",
      ...messages(6).slice(5).map(textOf),
    ]);
    expect(await log().trim(stream, 4, Date.UTC(2100, 0))).toBe(5);
    expect(await log().bounds(stream)).toEqual({ first: 5, last: 6 });
    expect((await readAll(log(), stream, 5, 2)).map(textOf)).toEqual([
      "rest",
      ...messages(6).slice(5).map(textOf),
    ]);
  });

  test("appending nothing stores nothing", async () => {
    const stream = await aStream();
    expect(await log().append(stream, [])).toEqual([]);
    expect(await log().bounds(stream)).toEqual({ first: 1, last: 0 });
  });

  test.each([2, 300])(
    "of %i repeated messages the first sequences are told and nothing is stored",
    async (count) => {
      const stream = await aStream();
      const first = await log().append(stream, messages(count));
      expect(await log().append(stream, messages(count))).toEqual(first);
      expect(await log().bounds(stream)).toEqual({ first: 1, last: count });
    },
  );

  test.each([2, 300])(
    "among %i messages a repeated one is dropped and the others are stored",
    async (count) => {
      const stream = await aStream();
      await log().append(stream, messages(count).slice(0, 1));
      const sequences = await log().append(stream, messages(count));
      expect(sequences).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    },
  );

  test("callers at the same time each get their own sequences, and their messages stay in order", async () => {
    const stream = await aStream();
    const sizes = [1, 40, 3, 700, 12, 2_300, 1, 150];
    const told = await Promise.all(
      sizes.map((size, caller) => log().append(stream, messages(size, `caller ${caller} `))),
    );
    const count = sizes.reduce((sum, size) => sum + size, 0);
    const read = await readAll(log(), stream, 1, count);
    const texts = new Map(read.map((message) => [message.sequence, textOf(message)]));
    for (const [caller, sequences] of told.entries()) {
      const given = messages(sizes[caller] ?? 0, `caller ${caller} `).map(textOf);
      expect(sequences.map((sequence) => texts.get(sequence))).toEqual(given);
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    }
    expect((await log().bounds(stream)).last).toBe(count);
  });

  test("what two callers append at the same time is stored once, and both are told where", async () => {
    const stream = await aStream();
    const [first, again, other] = await Promise.all([
      log().append(stream, messages(200)),
      log().append(stream, messages(200)),
      log().append(stream, messages(50, "other ")),
    ]);
    expect(again).toEqual(first);
    expect(other).toHaveLength(50);
    expect((await log().bounds(stream)).last).toBe(250);
  });

  test("a message of the same id in another stream is no repeat", async () => {
    await log().append(await aStream(), messages(1));
    const other = await aStream();
    await log().append(other, messages(1));
    expect((await log().bounds(other)).last).toBe(1);
  });

  test("a reader starts at the sequence asked for", async () => {
    const stream = await aStream();
    await log().append(stream, messages(10));
    const read = await readAll(log(), stream, 7, 4);
    expect(read.map((message) => message.sequence)).toEqual([7, 8, 9, 10]);
  });

  test("a reader hands out at most as many as it is asked for", async () => {
    const stream = await aStream();
    await log().append(stream, messages(10));
    const reader = await log().read(stream, 1);
    expect((await reader.next(3)).length).toBeLessThanOrEqual(3);
    await reader.close();
  });

  test("a reader at the end waits for what is appended next", async () => {
    const stream = await aStream();
    await log().append(stream, messages(2));
    const reader = await log().read(stream, 3);
    const waiting = reader.next(10);
    await log().append(stream, [{ id: "later", data: bytesOf("later") }]);
    expect((await waiting).map(textOf)).toEqual(["later"]);
    await reader.close();
  });

  test("two readers each get everything", async () => {
    const stream = await aStream();
    await log().append(stream, messages(5));
    const both = await Promise.all([readAll(log(), stream, 1, 5), readAll(log(), stream, 1, 5)]);
    expect(both.map((read) => read.length)).toEqual([5, 5]);
  });

  test("a reader knows how many messages it has not handed out", async () => {
    const stream = await aStream();
    await log().append(stream, messages(10));
    const reader = await log().read(stream, 1);
    const taken = (await reader.next(4)).length;
    expect(reader.lag()).toBe(10 - taken);
    await reader.close();
  });

  test("messages carry the time at which they were stored", async () => {
    const stream = await aStream();
    await log().append(stream, messages(2));
    const [first, second] = await readAll(log(), stream, 1, 2);
    expect(first?.storedAtMs).toBeGreaterThan(1_600_000_000_000);
    expect(second?.storedAtMs).toBeGreaterThanOrEqual(first?.storedAtMs ?? 0);
  });

  test("closing a reader ends a call that waits, with nothing", async () => {
    const reader = await log().read(await aStream(), 1);
    const waiting = reader.next(10);
    await reader.close();
    expect(await waiting).toEqual([]);
    expect(await reader.next(10)).toEqual([]);
  });

  test("a reader beyond the end is refused: the stream has lost what was stored once", async () => {
    const stream = await aStream();
    await log().append(stream, messages(2));
    await expect(log().read(stream, 4)).rejects.toMatchObject({ code: "LOG_TRUNCATED", retryable: false });
  });

  test("a stream that was never ensured is unavailable", async () => {
    const unavailable = { code: "LOG_UNAVAILABLE", retryable: true };
    await expect(log().append("NEVER", messages(1))).rejects.toMatchObject(unavailable);
    await expect(log().read("NEVER", 1)).rejects.toMatchObject(unavailable);
    await expect(log().bounds("NEVER")).rejects.toMatchObject(unavailable);
  });

  test("a message may go to a further subject of its stream", async () => {
    await log().ensure("TEST_SUBJECTS", { subjects: ["test.subjects.>"], maxAgeMs: 60_000 });
    await log().append("TEST_SUBJECTS", [
      { id: "one", data: bytesOf("one"), subject: "test.subjects.a.b" },
      { id: "two", data: bytesOf("two") },
    ]);
    expect((await readAll(log(), "TEST_SUBJECTS", 1, 2)).map(textOf)).toEqual(["one", "two"]);
  });
}

/** Reads so many messages from a sequence on, with copies of their bytes. */
export async function readAll(log: Log, stream: string, from: number, count: number): Promise<LogMessage[]> {
  const reader = await log.read(stream, from);
  const read = await take(reader, count);
  await reader.close();
  return read;
}

/** Takes so many messages off a reader, with copies of their bytes. */
export async function take(reader: LogReader, count: number): Promise<LogMessage[]> {
  const taken: LogMessage[] = [];
  while (taken.length < count) {
    const some = await reader.next(count - taken.length);
    if (some.length === 0) break;
    taken.push(...some.map((message) => ({ ...message, data: message.data.slice() })));
  }
  return taken;
}
