import type { ContentAnswer } from "../../src/content/content-answer.ts";
import type { Position } from "../../src/events/log-entry.ts";
import type { EraseReply } from "../../src/gateway/erase.ts";
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
  /** Users who were erased, with the time at which that was done: Infinity while it is under way. */
  readonly erased = new Map<string, number>();
  /** Proofs of erasures. */
  readonly proofs: EraseReply[] = [];
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
      const sentMs = time.monotonicMs();
      const reply = await this.#ask<IngestReply>("ingest", { events: left });
      if (reply !== undefined) {
        const refused = new Set(reply.refused.map(({ index }) => index));
        for (const [index, { user, id }] of left.entries()) {
          if (refused.has(index)) continue;
          // What was sent while its user was erased may have come before or after that.
          if ((this.erased.get(user) ?? Number.NEGATIVE_INFINITY) >= sentMs) continue;
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
      if (least !== undefined && !reply.known && !this.erased.has(user))
        this.#servers.findings.push(`a score did not know ${user}, whose events were acknowledged`);
    }
    this.#underWay--;
  }

  /** Erases a user, and asks until there is a proof of it. */
  async erase(user: string): Promise<void> {
    this.#underWay++;
    const { random, time } = this.#servers;
    this.erased.set(user, Number.POSITIVE_INFINITY);
    let reply: EraseReply | undefined;
    while (reply?.state !== "done") {
      // Who lost the answer asks for the user again; who knows the id asks for that.
      const asked = reply === undefined || random() < 0.1 ? { user } : { erasure: reply.erasure };
      reply = (await this.#ask<EraseReply>("erase", { ...asked, waitMs: 1_500 })) ?? reply;
      if (reply?.state !== "done") await time.sleep(RETRY_MS * (0.5 + random()));
    }
    this.proofs.push(reply);
    if (JSON.stringify(reply).includes(user))
      this.#servers.findings.push(`the proof of ${user}'s erasure names them`);
    if (reply.verified !== true) this.#servers.findings.push(`${user}'s erasure is not verified`);
    this.acknowledged.delete(user);
    this.erased.set(user, time.monotonicMs());
    this.#servers.trace(`${user} is erased`);
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
