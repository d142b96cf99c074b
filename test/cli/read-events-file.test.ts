import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type EventsFileLine, JsonLineSplitter } from "../../src/cli/json-line-splitter.ts";
import { EventsFileUnreadable, readEventsFile } from "../../src/cli/read-events-file.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "events-file-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function aFile(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function linesOf(path: string, standardInput?: Readable): Promise<EventsFileLine[]> {
  const lines: EventsFileLine[] = [];
  for await (const line of await readEventsFile(path, standardInput)) lines.push(line);
  return lines;
}

const TWO_EVENTS = '{"id":"a"}\n{"id":"b"}\n';
const TWO_LINES = [
  { kind: "event", line: 1, value: { id: "a" } },
  { kind: "event", line: 2, value: { id: "b" } },
];

test("each line is an object with its line number", async () => {
  expect(await linesOf(aFile("plain.jsonl", TWO_EVENTS))).toEqual(TWO_LINES);
});

test("gzip is told by content: a packed file without .gz and a plain one with it are both read", async () => {
  expect(await linesOf(aFile("packed.jsonl", gzipSync(TWO_EVENTS)))).toEqual(TWO_LINES);
  expect(await linesOf(aFile("plain.gz", TWO_EVENTS))).toEqual(TWO_LINES);
});

test("gzip files that were put behind each other are read to the end", async () => {
  const both = Buffer.concat([gzipSync('{"id":"a"}\n'), gzipSync('{"id":"b"}\n')]);
  expect(await linesOf(aFile("two.gz", both))).toEqual(TWO_LINES);
});

test("standard input is read too, packed or not, even byte by byte", async () => {
  const bytewise = (bytes: Buffer) => Readable.from([...bytes].map((byte) => Buffer.of(byte)));
  expect(await linesOf("-", bytewise(Buffer.from(TWO_EVENTS)))).toEqual(TWO_LINES);
  expect(await linesOf("-", bytewise(gzipSync(TWO_EVENTS)))).toEqual(TWO_LINES);
});

test("standard input has no size, a file has its size on disk", async () => {
  const packed = gzipSync(TWO_EVENTS.repeat(1_000));
  expect((await readEventsFile("-", Readable.from([]))).sizeBytes).toBeNull();
  const file = await readEventsFile(aFile("size.gz", packed));
  expect(file.sizeBytes).toBe(packed.length);
  expect(file.readBytes).toBe(0);
  for await (const _ of file);
  expect(file.readBytes).toBe(packed.length);
});

test("a bad line is reported with its number and reason, and the rest goes on", async () => {
  const content = Buffer.concat([
    Buffer.from('{"id":"a"}\n\n{broken\n[1]\nnull\n'),
    Buffer.from([0x22, 0xff, 0x22, 0x0a]),
    Buffer.from(`"${"x".repeat(1_048_576)}"\n{"id":"z"}`),
  ]);
  const lines = await linesOf(aFile("bad.jsonl", content));
  expect(lines.map((line) => [line.line, line.kind === "bad" ? line.code : line.kind])).toEqual([
    [1, "event"],
    [3, "NOT_JSON"],
    [4, "NOT_AN_OBJECT"],
    [5, "NOT_AN_OBJECT"],
    [6, "NOT_UTF8"],
    [7, "LINE_TOO_LONG"],
    [8, "event"],
  ]);
});

test("a byte order mark and Windows line ends do no harm", async () => {
  expect(await linesOf(aFile("windows.jsonl", `\uFEFF${TWO_EVENTS.replaceAll("\n", "\r\n")}`))).toEqual(
    TWO_LINES,
  );
});

test("an empty file has no lines", async () => {
  expect(await linesOf(aFile("empty.jsonl", ""))).toEqual([]);
});

test("a file that is missing, a folder, and damaged or cut gzip are failures with one code", async () => {
  const packed = gzipSync(TWO_EVENTS.repeat(1_000));
  const damaged = Buffer.from(packed);
  damaged.fill(0x55, 20, 40);
  const paths = [
    join(folder, "missing.jsonl"),
    folder,
    aFile("cut.gz", packed.subarray(0, packed.length - 12)),
    aFile("damaged.gz", damaged),
  ];
  for (const path of paths) {
    const error = await linesOf(path).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EventsFileUnreadable);
    expect(error).toMatchObject({ code: "EVENTS_FILE_UNREADABLE", retryable: false, detail: { path } });
  }
});

test("reading can be left early, and only what was needed is read", async () => {
  const path = aFile("long.jsonl", TWO_EVENTS.repeat(100_000));
  const file = await readEventsFile(path);
  for await (const line of file) if (line.line === 10) break;
  expect(file.readBytes).toBeLessThan(file.sizeBytes ?? 0);
});

test("where the chunks are cut does not matter", () => {
  const content = Buffer.from('{"id":"ä"}\n\n  \n{"n":[1,\n"later"\n{"id":"€uro"}');
  const read = (cuts: readonly number[]) => {
    const splitter = new JsonLineSplitter(100);
    const ends = [...cuts.map((cut) => cut % content.length), content.length].toSorted((a, b) => a - b);
    const chunks = ends.map((end, index) => content.subarray(ends[index - 1] ?? 0, end));
    return [...chunks.flatMap((chunk) => [...splitter.push(chunk)]), ...splitter.end()];
  };
  const whole = read([]);
  expect(whole).toHaveLength(4);
  fc.assert(
    fc.property(fc.array(fc.nat()), (cuts) => {
      expect(read(cuts)).toEqual(whole);
    }),
  );
});
