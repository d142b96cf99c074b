import type { Clock } from "../kernel/clock.ts";
import type { Log, LogMessage } from "./log.ts";
import { readingOf, Stretches } from "./stretches.ts";

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

/** Ids of all whom a message holds something of; undefined if it can't be read. */
export type IdsOf = (data: Uint8Array) => Iterable<string> | undefined;

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

/** Messages asked for by their places in one go. */
const ASKED_MESSAGES = 512;
/** Messages looked through between two pauses. */
const SLICE_MESSAGES = 64;
/** Messages that are redacted in one go: memory is bounded, and a crash costs so many again. */
const REDACT_MESSAGES = 512;
/** While a scan goes on, its thread is left to others for so many times as long as it works. */
const REST_FACTOR = 1;
const REST_FROM_MS = 4;

/**
 * Takes users out of one stream. A scan serves all who have asked by then. The first one reads the whole stream and remembers
 * who is where; later ones read what has come since, and the messages that may hold one of those asked for.
 */
export class Redactor<Target extends RedactionTarget> {
  readonly #world: RedactorWorld;
  readonly #stream: string;
  readonly #redact: RedactMessage<Target>;
  readonly #idsOf: IdsOf;
  readonly #stretches = new Stretches();
  #waiting: Waiting<Target>[] = [];
  #running: Promise<void> | undefined;

  constructor(
    world: RedactorWorld,
    stream: string,
    { redact, idsOf }: Readonly<{ redact: RedactMessage<Target>; idsOf: IdsOf }>,
  ) {
    this.#world = world;
    this.#stream = stream;
    this.#redact = redact;
    this.#idsOf = idsOf;
  }

  /**
   * Takes somebody out. Everything up to `through` must be in the stream. Doing it again finds nothing more.
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
    const targets = new Map<string, Target>();
    for (const target of asked)
      if ((targets.get(target.user)?.through ?? 0) <= target.through) targets.set(target.user, target);
    const through = Math.max(...asked.map((target) => target.through));
    const known = this.#stretches.through;
    const scan: Scan<Target> = { targets, counts: new Map(), redacted: [], workedMs: 0 };
    const holding = this.#stretches.holding([...targets.values()]);
    let { runs, places } = readingOf(holding, 1, through);
    let first = 1;
    // What was trimmed matters only where something is read from a place on that was seen long ago, or never.
    if (runs.length > 0 || known === 0) {
      ({ first } = await this.#world.log.bounds(this.#stream));
      this.#stretches.trim(first);
      ({ runs, places } = readingOf(holding, first, through));
    }
    for (let at = 0; at < places.length; at += ASKED_MESSAGES) {
      const some = places.slice(at, at + ASKED_MESSAGES);
      await this.#look(scan, await this.#world.log.messagesAt(this.#stream, some), false);
      if (scan.redacted.length >= REDACT_MESSAGES) await this.#flush(scan);
    }
    for (const { from, to } of runs) await this.#read(scan, from, to, false);
    await this.#read(scan, Math.max(known + 1, first), through, true);
    await this.#flush(scan);
    return scan.counts;
  }

  /** Looks through the messages of a range. @param isNew - Whom they hold is remembered. */
  async #read(scan: Scan<Target>, from: number, to: number, isNew: boolean): Promise<void> {
    if (from > to) return;
    for await (const messages of this.#world.log.range(this.#stream, from, to)) {
      await this.#look(scan, messages, isNew);
      if (scan.redacted.length >= REDACT_MESSAGES) await this.#flush(scan);
    }
  }

  async #look(scan: Scan<Target>, messages: readonly LogMessage[], isNew: boolean): Promise<void> {
    const { clock, pause, sleep } = this.#world;
    for (let at = 0; at < messages.length; at += SLICE_MESSAGES) {
      const beganMs = clock.monotonicMs();
      for (const message of messages.slice(at, at + SLICE_MESSAGES)) {
        const held = this.#idsOf(message.data);
        if (isNew) this.#stretches.add(message.sequence, held);
        if (held !== undefined && !hasAny(held, scan.targets)) continue;
        const rest = this.#redactOne(message, scan.targets, scan.counts);
        if (rest !== undefined) scan.redacted.push({ ...message, data: rest });
      }
      scan.workedMs += clock.monotonicMs() - beganMs;
      await pause();
      if (scan.workedMs < REST_FROM_MS) continue;
      await sleep(REST_FACTOR * scan.workedMs);
      scan.workedMs = 0;
    }
  }

  async #flush(scan: Scan<Target>): Promise<void> {
    const some = scan.redacted;
    scan.redacted = [];
    if (some.length === 0) return;
    await this.#world.log.redact(this.#stream, some);
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

/** One pass for some who have asked. */
type Scan<Target> = {
  readonly targets: ReadonlyMap<string, Target>;
  readonly counts: Map<string, { messages: number; entries: number }>;
  /** Not handed over yet. */
  redacted: LogMessage[];
  /** Since the last rest. */
  workedMs: number;
};

function hasAny(ids: Iterable<string>, targets: ReadonlyMap<string, unknown>): boolean {
  for (const id of ids) if (targets.has(id)) return true;
  return false;
}
