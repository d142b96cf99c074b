import { Buffer } from "node:buffer";
import type { Bus } from "./actors/bus.ts";
import type { LogMessage } from "./actors/log.ts";
import type { LoggedDecision } from "./content/content-answer.ts";
import { decodeEntries } from "./events/log-codec.ts";
import type { ExplainWorld } from "./explain.ts";
import { describeHeld } from "./export-held.ts";
import type { ExportLine, ExportPage, ExportQuestion } from "./gateway/gateway-ports.ts";
import { EngineError, fromWireError } from "./kernel/engine-error.ts";
import { decode, encode } from "./kernel/msgpack.ts";
import { memberLines } from "./profiles/member-lines.ts";
import { decodeMemberRecord } from "./profiles/member-record.ts";
import type { MemberReply, MemberRequest } from "./profiles/profile-messages.ts";
import { readSampleMessage } from "./profiles/read-sample-message.ts";
import { readVector } from "./profiles/read-vector.ts";
import { GRID } from "./profiles/sample.ts";
import type { DeadLetter } from "./shards/shard-messages.ts";

/** What exporting needs of the world. */
export type ExportWorld = ExplainWorld & Readonly<{ bus: Bus }>;

export type ExportLimits = Readonly<{
  /** Newest events kept a user. */
  ringEvents: number;
  /** A page ends behind the line that reaches so many bytes; a reply of the server takes a megabyte. */
  pageBytes: number;
  /** And after so long, ms, whether anything was found or not. */
  pageMs: number;
}>;

/** Where personal data lies, in the order of the export; streams are read from their begin to where they end at first. */
const PARTS = [
  "held",
  "contributions",
  "log",
  "samples",
  "decisions",
  "transitions",
  "dead-letters",
] as const;
type Part = (typeof PARTS)[number];
type Stream = Exclude<Part, "held" | "contributions">;

/** Where an export goes on, and what was told by then; the asker keeps it. */
type Cursor = {
  part: number;
  /** Of a stream: the next sequence, and the last that is read. */
  from: number;
  through: number;
  counts: Record<string, number>;
};

const MESSAGES = 256;
const MEMBER_TIMEOUT_MS = 5_000;

/**
 * A page of everything that is held of a user. The first page is asked for with what the shard hands out of them; further ones
 * with `next` of the page before, until there is none: then the last line is of the kind `end`, with counts.
 *
 * @throws EngineError `BAD_CURSOR`, and what log, releases and the profile actor throw.
 */
export async function exportPage(
  world: ExportWorld,
  { user, shard, held, cursor: given }: ExportQuestion,
  limits: ExportLimits,
): Promise<ExportPage> {
  const cursor = given === undefined ? { part: 0, from: 0, through: 0, counts: {} } : readCursor(given);
  const page = new Page(cursor.counts, limits.pageBytes, world.clock.monotonicMs() + limits.pageMs);
  const stream = (part: Stream): string =>
    ({
      log: world.subjects.shardLog(shard),
      samples: world.subjects.samples,
      decisions: world.subjects.decisions,
      transitions: world.subjects.transitions,
      "dead-letters": world.subjects.deadLetters,
    })[part];
  while (cursor.part < PARTS.length) {
    const part = PARTS[cursor.part]!;
    if (part === "held") {
      if (held !== undefined) page.add(await describeHeld(world, { user, shard, held }, limits.ringEvents));
    } else if (part === "contributions") page.add(await contributionsOf(world, user));
    else if (!(await readStream(world, stream(part), { user, shard, part }, cursor, page)))
      return { lines: page.lines, next: written(cursor) };
    Object.assign(cursor, { part: cursor.part + 1, from: 0, through: 0 });
    if (cursor.part < PARTS.length && page.isFull(world.clock.monotonicMs()))
      return { lines: page.lines, next: written(cursor) };
  }
  const end = {
    kind: "end",
    user,
    at: new Date(world.clock.nowMs()).toISOString(),
    counts: { ...cursor.counts },
  };
  return { lines: [...page.lines, end] };
}

/** Lines of one page, counted by kind. */
class Page {
  readonly lines: ExportLine[] = [];
  readonly #counts: Record<string, number>;
  readonly #bytesMax: number;
  readonly #untilMs: number;
  #bytes = 0;

  constructor(counts: Record<string, number>, bytesMax: number, untilMs: number) {
    this.#counts = counts;
    this.#bytesMax = bytesMax;
    this.#untilMs = untilMs;
  }

  add(lines: readonly ExportLine[]): void {
    for (const line of lines) {
      this.lines.push(line);
      this.#bytes += Buffer.byteLength(JSON.stringify(line));
      this.#counts[line.kind] = (this.#counts[line.kind] ?? 0) + 1;
    }
  }

  isFull(nowMs: number): boolean {
    return this.#bytes >= this.#bytesMax || nowMs >= this.#untilMs;
  }
}

/** @returns Whether the stream is done; else the cursor says where to go on. */
async function readStream(
  { log, clock }: ExportWorld,
  stream: string,
  wanted: Readonly<{ user: string; shard: number; part: Stream }>,
  cursor: Cursor,
  page: Page,
): Promise<boolean> {
  const { first, last } = await log.bounds(stream);
  if (cursor.through === 0) cursor.through = last;
  cursor.from = Math.max(cursor.from, first);
  if (cursor.from > cursor.through) return true;
  const needles = [Buffer.from(wanted.user), Buffer.from(JSON.stringify(wanted.user).slice(1, -1))];
  const reader = await log.read(stream, cursor.from);
  try {
    // What was deleted at the end never comes: without anything to come, it is done.
    while (cursor.from <= cursor.through && reader.lag() > 0) {
      for (const message of await reader.next(MESSAGES)) {
        cursor.from = message.sequence + 1;
        if (message.sequence > cursor.through) return true;
        const { data } = message;
        const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
        if (needles.some((needle) => bytes.includes(needle))) page.add(LINES[wanted.part](message, wanted));
        if (page.isFull(clock.monotonicMs())) return cursor.from > cursor.through;
      }
    }
    return true;
  } finally {
    await reader.close();
  }
}

type Wanted = Readonly<{ user: string; shard: number }>;

/** What a message of a stream says of a user. */
const LINES: Readonly<Record<Stream, (message: LogMessage, wanted: Wanted) => ExportLine[]>> = {
  log({ sequence, storedAtMs, data }, { user, shard }) {
    const lines: ExportLine[] = [];
    for (const [place, entry] of readableEntries(data).entries()) {
      if (entry.kind !== "behaviour" || entry.user !== user) continue;
      const { kind: _, ...event } = entry;
      lines.push({ kind: "event", shard, sequence, place, loggedAtMs: storedAtMs, ...event });
    }
    return lines;
  },
  samples({ sequence, data }, { user }) {
    const batch = readSampleMessage(data);
    if (batch === undefined || !("samples" in batch)) return [];
    return batch.samples
      .filter((sample) => sample.user === user)
      .map(({ encoder, tsMs, labels, vector }) => ({
        ...{ kind: "sample", message: sequence, encoder, tsMs, labels },
        embedding: [...(readVector(vector) ?? [])].map((value) => value * GRID),
      }));
  },
  decisions({ data }, { user }) {
    const lines: ExportLine[] = [];
    for (const [decision, of, placement, content, arm, basis, propensity, eligible, atMs] of decode(
      data,
    ) as LoggedDecision[])
      if (of === user)
        lines.push({
          kind: "decision",
          decision,
          placement,
          content,
          arm,
          basis,
          propensity,
          eligible,
          atMs,
        });
    return lines;
  },
  transitions({ data }, { user }) {
    const { user: of, kind: transition, ...told } = JSON.parse(new TextDecoder().decode(data));
    return of === user ? [{ kind: "transition", transition, ...told }] : [];
  },
  "dead-letters"({ sequence, storedAtMs, data }, { user }) {
    const { data: entries, code, reason } = decode(data) as DeadLetter;
    return readableEntries(entries).flatMap((entry) =>
      entry.kind === "behaviour" && entry.user === user
        ? [{ kind: "dead-letter", letter: sequence, setAsideMs: storedAtMs, code, reason, entry }]
        : [],
    );
  },
};

/** What the user adds to profiles: an embedding for each encoder and time bucket. */
async function contributionsOf({ bus, subjects }: ExportWorld, user: string): Promise<ExportLine[]> {
  const request = encode({ user } satisfies MemberRequest);
  const reply = await bus.request(subjects.profileActor("member"), request, { timeoutMs: MEMBER_TIMEOUT_MS });
  if (reply.error !== undefined) throw fromWireError(reply.error);
  return (decode(reply.data) as MemberReply).records.flatMap(({ encoder, record }) =>
    memberLines(encoder, decodeMemberRecord(record)),
  );
}

function readableEntries(data: Uint8Array): ReturnType<typeof decodeEntries> {
  try {
    return decodeEntries(data);
  } catch {
    return []; // It names nobody that could be told from chance.
  }
}

function written(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString("base64url");
}

function readCursor(given: string): Cursor {
  try {
    const { part, from, through, counts } = JSON.parse(Buffer.from(given, "base64url").toString()) as Cursor;
    const areWhole = [part, from, through].every((number) => Number.isSafeInteger(number) && number >= 0);
    const areCounts = Object.entries(counts).every(([, count]) => Number.isSafeInteger(count));
    if (areWhole && areCounts) return { part, from, through, counts: { ...counts } };
  } catch {
    // Told below.
  }
  const message = "the cursor is not one that an export has answered: begin without one";
  throw new EngineError({ code: "BAD_CURSOR", message, retryable: false });
}
