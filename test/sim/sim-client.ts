import type { ContentAnswer } from "../../src/content/content-answer.ts";
import type { Position } from "../../src/events/log-entry.ts";
import type { IngestReply } from "../../src/gateway/ingest.ts";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { type Servers, subjects } from "./servers.ts";

/** An event as a service sends it. */
export type SimEvent = Readonly<{
  id: string;
  user: string;
  type: string;
  ts: number;
  item?: string;
  categories?: readonly string[];
  value?: number;
  segments?: Readonly<Record<string, string>>;
  context?: Readonly<Record<string, string>>;
  decision?: string;
  location?: Readonly<{ lat: number; lon: number }>;
  consent?: Readonly<Record<string, boolean>>;
}>;

const REQUEST_TIMEOUT_MS = 3_000;
const RETRY_MS = 150;
const SCORE_TRIES_MAX = 5;
/** Nothing is put in force yet, or not everywhere. */
const NOT_YET = [
  "NO_SEGMENTS",
  "UNKNOWN_MAP",
  "NO_CONTENT",
  "UNKNOWN_PLACEMENT",
  "BAD_CONTENT",
  "BAD_EXPERIMENT",
];

/** A service that sends events until they are acknowledged, and asks for scores that contain them. */
export class SimClient {
  readonly #servers: Servers;
  /** Ids of acknowledged events, by user. */
  readonly acknowledged = new Map<string, Set<string>>();
  /** Requests that were not answered in the client's patience. */
  unanswered = 0;
  asked = 0;
  /** What was answered, in order. */
  readonly served: ScoreReply[] = [];
  readonly chosen: ContentAnswer[] = [];
  #underWay = 0;

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** Sends events, again and again what was not acknowledged; now and then also what was. */
  async send(events: readonly SimEvent[]): Promise<Position[]> {
    this.#underWay++;
    const { random, time } = this.#servers;
    const positions: Position[] = [];
    let left = [...events];
    while (left.length > 0) {
      const reply = await this.#ask<IngestReply>("ingest", { events: left });
      if (reply !== undefined) {
        const refused = new Set(reply.refused.map(({ index }) => index));
        for (const [index, { user, id }] of left.entries()) {
          if (refused.has(index)) continue;
          const ids = this.acknowledged.get(user) ?? new Set();
          this.acknowledged.set(user, ids.add(id));
        }
        positions.push(...reply.positions);
        // A service that crashed before it noted the answer sends everything again.
        left = left.filter((_, index) => refused.has(index) || random() < 0.03);
      }
      if (left.length > 0) await time.sleep(RETRY_MS * (0.5 + random()));
    }
    this.#underWay--;
    return positions;
  }

  /** Asks for a user's score that contains these positions, and checks that it does. */
  async score(user: string, atLeast: readonly Position[]): Promise<void> {
    this.#underWay++;
    this.asked++;
    const wanted = atLeast.map(({ shard, sequence }) => ({ shard, sequence }));
    let reply: ScoreReply | undefined;
    for (let tries = 0; tries < SCORE_TRIES_MAX && reply === undefined; tries++) {
      if (tries > 0) await this.#servers.time.sleep(2 * RETRY_MS);
      reply = await this.#ask<ScoreReply>("score", { user, atLeast: wanted });
    }
    if (reply === undefined) this.unanswered++;
    else {
      this.served.push(reply);
      const least = atLeast.find(({ shard }) => shard === reply.position.shard);
      if (least !== undefined && reply.position.sequence < least.sequence)
        this.#servers.findings.push(`a score of ${user} did not contain the position that it was asked for`);
      if (least !== undefined && !reply.known)
        this.#servers.findings.push(`a score did not know ${user}, whose events were acknowledged`);
    }
    this.#underWay--;
  }

  /** Asks for a content, once. @returns What was chosen, if something was. */
  async choose(user: string, placement: string): Promise<ContentAnswer | undefined> {
    this.#underWay++;
    const answer = await this.#ask<ContentAnswer>("content", { user, placement });
    if (answer !== undefined) this.chosen.push(answer);
    this.#underWay--;
    return answer;
  }

  /** Puts a catalogue of contents in force. */
  async fill(catalogue: object): Promise<void> {
    while ((await this.#ask("content.put", catalogue)) === undefined)
      await this.#servers.time.sleep(RETRY_MS);
  }

  /** Starts an experiment, once there is a placement for it. */
  async experiment(definition: object): Promise<void> {
    while ((await this.#ask("experiments.define", definition)) === undefined)
      await this.#servers.time.sleep(RETRY_MS);
  }

  /** Puts the definitions in force. */
  async define(maps: unknown): Promise<void> {
    while ((await this.#ask("segments.put", { maps })) === undefined)
      await this.#servers.time.sleep(RETRY_MS);
  }

  async #ask<Reply>(endpoint: string, body: unknown): Promise<Reply | undefined> {
    try {
      const reply = await this.#servers.bus.request(subjects.api(endpoint), encode(body), {
        timeoutMs: REQUEST_TIMEOUT_MS,
        contentType: "application/msgpack",
      });
      if (reply.error === undefined) return decode(reply.data) as Reply;
      if (!reply.error.retryable && !NOT_YET.includes(reply.error.code))
        this.#servers.findings.push(`${endpoint} was refused: ${reply.error.code} ${reply.error.message}`);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof EngineError && thrown.retryable) return undefined;
      throw thrown;
    }
  }
}
