import { Packr } from "msgpackr";
import type { Score, Way } from "./answers.ts";
import type { Context, Position } from "./event.ts";
import type { AskOptions, Questions } from "./questions.ts";
import { ResonanceError } from "./resonance-error.ts";
import { type ColumnsReply, type ScoreTable, scoreTable, type TablePart } from "./score-table.ts";
import type { ShardWays } from "./shard-ways.ts";

/** What a score may be asked with. */
export type ScoreOptions<Map extends string = string> = AskOptions &
  Readonly<{
    /** The first map that is defined, if left out. */
    map?: Map | undefined;
    /** How the visitor comes; such a question goes over a gateway. */
    context?: Context | undefined;
    /** Positions of an `ingest`: the answer contains its events. */
    atLeast?: readonly Position[] | undefined;
    /** So many of the strongest segments, strongest first. */
    top?: number | undefined;
    /** Whether to tell why; such a question goes over a gateway. */
    explain?: boolean | undefined;
  }>;

/** What many scores may be asked with. */
export type TableOptions<Map extends string = string> = AskOptions &
  Readonly<{
    map?: Map | undefined;
    /** Values beside the probabilities. */
    fields?: readonly ("similarities" | "resonating")[] | undefined;
  }>;

/** Patience with the owner of a shard before a gateway is asked, which knows where copies are. */
const OWNER_MS = 500;
/** How long a shard waits for the position that a question names. */
const AT_LEAST_MS = 2_000;
/** Users a request: as many as the engine takes. */
const CHUNK_USERS = 1_000;
/** Requests of one table under way. */
const CHUNKS_AT_ONCE = 4;

const packr = new Packr({ useRecords: false });

/** Asks for scores the shortest way: the owner of a user's shard, else a gateway. */
export class Scores {
  readonly #questions: Questions;
  readonly #ways: ShardWays;
  readonly counts: Record<Way, number> = { shard: 0, gateway: 0 };

  constructor(questions: Questions, ways: ShardWays) {
    this.#questions = questions;
    this.#ways = ways;
  }

  async score(user: string, options: ScoreOptions = {}): Promise<Score> {
    const { map, context, atLeast, top, explain, signal } = options;
    const deadlineMs = this.#questions.deadlineOf(options);
    const isPlain = context === undefined && explain !== true;
    const shard = isPlain ? this.#ways.to(user) : undefined;
    if (shard !== undefined) {
      const patienceMs = atLeast === undefined ? OWNER_MS : OWNER_MS + AT_LEAST_MS;
      const timeoutMs = Math.max(1, Math.min(patienceMs, deadlineMs - performance.now()));
      const how = { timeoutMs, signal };
      try {
        const reply = await this.#questions.askOnce(`score.shard.${shard}`, { user, map, atLeast, top }, how);
        return this.#told(reply as Score, "shard");
      } catch (thrown) {
        this.#orElse(shard, thrown, deadlineMs);
      }
    }
    const body = { user, map, context, atLeast, top, explain };
    if (explain === true)
      return this.#told((await this.#questions.askPatiently("score", body, options)) as Score, "gateway");
    const reply = await this.#questions.askUntil(deadlineMs, "score", body, signal);
    return this.#told(reply as Score, "gateway");
  }

  async table(users: readonly string[], options: TableOptions = {}): Promise<ScoreTable> {
    const deadlineMs = this.#questions.deadlineOf(options);
    for (;;) {
      try {
        const chunks = this.#chunksOf(users);
        const parts: TablePart[] = [];
        const next = async (): Promise<void> => {
          for (let chunk = chunks.pop(); chunk !== undefined; chunk = chunks.pop())
            parts.push(...(await this.#part(users, chunk, deadlineMs, options)));
        };
        await Promise.all(Array.from({ length: CHUNKS_AT_ONCE }, next));
        return scoreTable(users, parts, options.map ?? "");
      } catch (thrown) {
        const isMixed = thrown instanceof ResonanceError && thrown.code === "MIXED_DEFINITIONS";
        if (!isMixed || performance.now() >= deadlineMs) throw thrown;
      }
    }
  }

  /** Places of the users, by the shard to ask; those of shards that are not asked themselves together. */
  #chunksOf(users: readonly string[]): Chunk[] {
    const places = new Map<number | undefined, number[]>();
    for (const [place, user] of users.entries()) {
      const shard = this.#ways.to(user);
      const group = places.get(shard);
      if (group === undefined) places.set(shard, [place]);
      else group.push(place);
    }
    const chunks: Chunk[] = [];
    for (const [shard, group] of places)
      for (let at = 0; at < group.length; at += CHUNK_USERS)
        chunks.push({ shard, places: group.slice(at, at + CHUNK_USERS) });
    return chunks;
  }

  async #part(
    users: readonly string[],
    { shard, places }: Chunk,
    deadlineMs: number,
    { map, fields, signal }: TableOptions,
  ): Promise<TablePart[]> {
    const body = packr.pack({
      users: places.map((place) => users[place]),
      format: "columns",
      ...(map === undefined ? {} : { map }),
      ...(fields === undefined ? {} : { fields }),
    });
    try {
      if (shard === undefined) {
        const reply = await this.#questions.askUntil(deadlineMs, "score.batch", body, signal);
        this.counts.gateway++;
        return [{ reply: reply as ColumnsReply, places, way: "gateway" }];
      }
      const timeoutMs = Math.max(1, Math.min(ATTEMPT_MS, deadlineMs - performance.now()));
      const reply = await this.#questions.askOnce(`score.batch.shard.${shard}`, body, { timeoutMs, signal });
      this.counts.shard++;
      return [{ reply: reply as ColumnsReply, places, way: "shard" }];
    } catch (thrown) {
      if (isTooLarge(thrown) && places.length > 1) {
        const half = places.length >> 1;
        const halves = [places.slice(0, half), places.slice(half)];
        const parts = halves.map((some) =>
          this.#part(users, { shard, places: some }, deadlineMs, { map, fields, signal }),
        );
        return (await Promise.all(parts)).flat();
      }
      if (shard === undefined) throw thrown;
      this.#orElse(shard, thrown, deadlineMs);
      return this.#part(users, { shard: undefined, places }, deadlineMs, { map, fields, signal });
    }
  }

  /** Lets a failure of the direct way pass if the gateway may do better. */
  #orElse(shard: number, thrown: unknown, deadlineMs: number): void {
    if (!(thrown instanceof ResonanceError)) throw thrown;
    const isElsewhere = this.#ways.failed(shard, thrown);
    if (!isElsewhere && !thrown.retryable) throw thrown;
    if (performance.now() >= deadlineMs) throw thrown;
  }

  #told(reply: Score, way: Way): Score {
    this.counts[way]++;
    (reply as { way: Way }).way = way;
    return reply;
  }
}

type Chunk = Readonly<{ shard: number | undefined; places: readonly number[] }>;

/** Patience with a table's rows of one shard: longer than with a single score, since there is more to do. */
const ATTEMPT_MS = 2_000;

function isTooLarge(thrown: unknown): boolean {
  return thrown instanceof ResonanceError && thrown.code === "MESSAGE_TOO_LARGE";
}
