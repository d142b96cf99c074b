import { Buffer } from "node:buffer";
import type { Clock } from "../kernel/clock.ts";
import type { Log, LogMessage } from "./log.ts";

/** Somebody who is to be taken out of a stream, as far as its messages up to a sequence tell of them. */
export type RedactionTarget = Readonly<{ user: string; through: number }>;

/** What was taken out of a stream of one target. */
export type RedactionCount = Readonly<{ messages: number; entries: number }>;

/**
 * A message without what is of some targets; undefined if it holds nothing of them.
 *
 * @param found - Told of each target how many entries of theirs there were.
 */
export type RedactMessage<Target> = (
  message: LogMessage,
  targets: ReadonlyMap<string, Target>,
  found: (user: string, entries: number) => void,
) => Uint8Array | undefined;

/** What a redactor needs of the world. */
export type RedactorWorld = Readonly<{
  log: Log;
  clock: Pick<Clock, "monotonicMs">;
  pause(): Promise<void>;
  sleep(ms: number): Promise<void>;
}>;

type Waiting<Target> = Readonly<{
  target: Target;
  resolve(count: RedactionCount): void;
  reject(reason: unknown): void;
}>;

const READ_MESSAGES = 1_024;
/** Messages looked through between two pauses. */
const SLICE_MESSAGES = 64;
/** Messages that are redacted in one go: memory is bounded, and a crash costs so many again. */
const REDACT_MESSAGES = 512;
/** While a scan goes on, its thread is left to others for so many times as long as it works. */
const REST_FACTOR = 1;
const REST_FROM_MS = 4;

/**
 * Takes users out of one stream. A scan reads the stream once for all who have asked by then; messages are told by the bytes
 * of the ids, and only those that have some are taken apart.
 */
export class Redactor<Target extends RedactionTarget> {
  readonly #world: RedactorWorld;
  readonly #stream: string;
  readonly #redact: RedactMessage<Target>;
  #waiting: Waiting<Target>[] = [];
  #running: Promise<void> | undefined;

  constructor(world: RedactorWorld, stream: string, redact: RedactMessage<Target>) {
    this.#world = world;
    this.#stream = stream;
    this.#redact = redact;
  }

  /**
   * Takes somebody out, once everything up to `through` is in the stream. Doing it again finds nothing more.
   *
   * @throws What the log throws: then some of it may be done.
   */
  async erase(target: Target): Promise<RedactionCount> {
    const done = new Promise<RedactionCount>((resolve, reject) => {
      this.#waiting.push({ target, resolve, reject });
    });
    this.#running ??= this.#run();
    return done;
  }

  async #run(): Promise<void> {
    await this.#world.pause(); // Those who come in the same turn share a scan.
    while (this.#waiting.length > 0) {
      const round = this.#waiting;
      this.#waiting = [];
      try {
        const counts = await this.#scan(round.map(({ target }) => target));
        for (const { target, resolve } of round)
          resolve(counts.get(target.user) ?? { messages: 0, entries: 0 });
      } catch (thrown) {
        for (const { reject } of round) reject(thrown);
      }
    }
    this.#running = undefined;
  }

  async #scan(asked: readonly Target[]): Promise<ReadonlyMap<string, RedactionCount>> {
    const { clock, log, pause, sleep } = this.#world;
    const targets = new Map<string, Target>();
    for (const target of asked)
      if ((targets.get(target.user)?.through ?? 0) <= target.through) targets.set(target.user, target);
    const needles = [...targets.keys()].map((user) => Buffer.from(user));
    const { first, last } = await log.bounds(this.#stream);
    const through = Math.min(last, Math.max(...asked.map((target) => target.through)));
    const counts = new Map<string, { messages: number; entries: number }>();
    let redacted: LogMessage[] = [];
    const flush = async (): Promise<void> => {
      const some = redacted;
      redacted = [];
      await log.redact(this.#stream, some);
    };
    if (first > through) return counts;
    const reader = await log.read(this.#stream, first);
    try {
      let workedMs = 0;
      for (let read = first - 1; read < through; ) {
        const messages = await reader.next(READ_MESSAGES);
        if (messages.length === 0) break;
        for (let at = 0; at < messages.length && read < through; at += SLICE_MESSAGES) {
          const beganMs = clock.monotonicMs();
          for (const message of messages.slice(at, at + SLICE_MESSAGES)) {
            read = message.sequence;
            if (read > through) break;
            if (!hasAny(message.data, needles)) continue;
            const rest = this.#redactOne(message, targets, counts);
            if (rest !== undefined) redacted.push({ ...message, data: rest });
          }
          workedMs += clock.monotonicMs() - beganMs;
          await pause();
          if (workedMs >= REST_FROM_MS) {
            await sleep(REST_FACTOR * workedMs);
            workedMs = 0;
          }
        }
        if (redacted.length >= REDACT_MESSAGES) await flush();
      }
    } finally {
      await reader.close();
    }
    await flush();
    return counts;
  }

  #redactOne(
    message: LogMessage,
    targets: ReadonlyMap<string, Target>,
    counts: Map<string, { messages: number; entries: number }>,
  ): Uint8Array | undefined {
    return this.#redact(message, targets, (user, entries) => {
      const count = counts.get(user) ?? { messages: 0, entries: 0 };
      counts.set(user, count);
      count.messages++;
      count.entries += entries;
    });
  }
}

/** Whether the bytes hold any of the needles; a search for one is faster than reading the message. */
function hasAny(data: Uint8Array, needles: readonly Buffer[]): boolean {
  if (needles.length > NEEDLES_MAX) return true;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  for (const needle of needles) if (bytes.includes(needle)) return true;
  return false;
}

/** More are looked for by taking every message apart. */
const NEEDLES_MAX = 16;
