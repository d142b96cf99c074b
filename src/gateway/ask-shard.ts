import type { ShardContentRequest } from "../content/content-answer.ts";
import { endpointAt } from "../events/endpoint-at.ts";
import { EngineError, fromWireError } from "../kernel/engine-error.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { ShardScoreReply, ShardScoreRequest, ShardSessionRequest } from "../resonance/score-answer.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { waysToShard } from "./ways-to-shard.ts";

/**
 * Asks the owner of a shard, whoever that is by then; while there is none, a copy that has caught up.
 *
 * @returns The answers of the {@link ShardScoreReply}.
 */
export type AskShard = (
  shard: number,
  name: "score" | "session" | "content" | "holding" | "erasing",
  request: ShardScoreRequest | ShardSessionRequest | ShardContentRequest | HoldingQuestion | ErasingQuestion,
  /** `once`: the owner and the copies are asked, and if none answers nobody waits for another owner. */
  how?: "patiently" | "once",
) => Promise<readonly Uint8Array[]>;

/** Asks for all that a shard holds of a user. */
type HoldingQuestion = Readonly<{ user: string; atLeast?: number; waitMs?: number }>;

/** Asks whether an erasure of a user is pending, and whether anything is held of them. */
type ErasingQuestion = HoldingQuestion & Readonly<{ hash: string }>;

type AskPorts = Pick<GatewayPorts, "bus" | "clock" | "copiesOf" | "ownerOf" | "sleep" | "subjects">;

/** Patience with a shard while its owner changes: a dead one is given up after 2 s. */
const SHARD_PATIENCE_MS = 6_000;
/** Patience with one answer, beside the wait that the request asks for: its owner may hang, or have died on the way. */
const ATTEMPT_TIMEOUT_MS = 500;
/** How often a shard without an owner is asked whether it has one, and the patience with that answer. */
const LOOK_MS = 20;
const LOOK_TIMEOUT_MS = 250;
/** A shard that nobody wanted for so long is not looked after any more. */
const LOOK_AFTER_MS = 2_000;
/** Nobody has answered yet: somebody will, once the shard has an owner again. */
const NOBODY_ANSWERED = ["NO_RESPONDERS", "NOT_OWNER", "TIMEOUT"];
/** What a copy may answer, too: another one may do better. */
const NOT_THIS_COPY = [...NOBODY_ANSWERED, "NOT_CAUGHT_UP"];
const NOTHING = new Uint8Array();

/**
 * Makes the way from one gateway to the shards. Requests that the owner does not answer are answered by a copy, and
 * until the owner answers again, those that follow too. What no copy answers waits, all requests together, and one
 * small question at a time is sent for all of them: if each tried again by itself, a shard without an owner would be
 * stormed, and what the storm costs would keep the cluster from giving the shard a new one.
 *
 * The result throws EngineError `NO_RESPONDERS`, `NOT_OWNER` or `TIMEOUT` (retryable) when the patience is used up,
 * and what the shard answers.
 */
export function shardAsker(ports: AskPorts): AskShard {
  const { bus, clock, copiesOf, subjects } = ports;
  const outages = new Outages(ports);
  const ask = async (
    subject: string,
    data: Uint8Array,
    timeoutMs: number,
  ): Promise<readonly Uint8Array[]> => {
    const reply = await bus.request(subject, data, { timeoutMs });
    if (reply.error !== undefined) throw fromWireError(reply.error);
    return (decode(reply.data) as ShardScoreReply).answers;
  };
  /** Undefined if no copy answers. */
  const askCopies = async (
    shard: number,
    name: string,
    data: Uint8Array,
    waitMs: number,
  ): Promise<readonly Uint8Array[] | undefined> => {
    for (const node of copiesOf(shard)) {
      const subject = subjects.shard(shard, endpointAt(`copy-${name}`, node));
      try {
        return await ask(subject, data, ATTEMPT_TIMEOUT_MS + waitMs);
      } catch (thrown) {
        passingFailure(thrown, NOT_THIS_COPY);
      }
    }
    return undefined;
  };
  return async (shard, name, request, how = "patiently") => {
    const data = encode(request);
    const waitMs = "waitMs" in request && request.atLeast !== undefined ? (request.waitMs ?? 0) : 0;
    const deadlineMs = clock.monotonicMs() + SHARD_PATIENCE_MS;
    for (let tries = 0; ; tries++) {
      const isKnown = outages.has(shard);
      const instead = isKnown ? await askCopies(shard, name, data, waitMs) : undefined;
      if (instead !== undefined) return instead;
      let failure: EngineError;
      try {
        const ways = waysToShard(ports, shard, name); // Both in turn: what is known of the owner may be old.
        return await ask(ways[tries % ways.length] ?? "", data, ATTEMPT_TIMEOUT_MS + waitMs);
      } catch (thrown) {
        failure = passingFailure(thrown, NOBODY_ANSWERED);
      }
      const isOwned = outages.end(shard);
      const answers = isKnown ? undefined : await askCopies(shard, name, data, waitMs);
      if (answers !== undefined) return answers;
      if (how === "once") throw failure;
      for (let isOver = await isOwned; !isOver; isOver = await outages.end(shard))
        if (clock.monotonicMs() >= deadlineMs) throw failure;
      if (clock.monotonicMs() >= deadlineMs) throw failure;
    }
  };
}

/** Shards whose owners do not answer: each is asked one small question at a time until it answers, or nobody wants it. */
class Outages {
  readonly #ports: AskPorts;
  readonly #looks = new Map<number, { isAnswered: Promise<boolean>; wantedMs: number }>();

  constructor(ports: AskPorts) {
    this.#ports = ports;
  }

  has(shard: number): boolean {
    return this.#looks.has(shard);
  }

  /** Whether the owner answers the question that is under way. */
  end(shard: number): Promise<boolean> {
    const nowMs = this.#ports.clock.monotonicMs();
    const known = this.#looks.get(shard);
    if (known !== undefined) {
      known.wantedMs = nowMs;
      return known.isAnswered;
    }
    const begun = { isAnswered: this.#look(shard), wantedMs: nowMs };
    this.#looks.set(shard, begun);
    void this.#lookAfter(shard, begun);
    return begun.isAnswered;
  }

  async #lookAfter(shard: number, look: { isAnswered: Promise<boolean>; wantedMs: number }): Promise<void> {
    while (!(await look.isAnswered)) {
      if (this.#ports.clock.monotonicMs() - look.wantedMs > LOOK_AFTER_MS) break;
      look.isAnswered = this.#look(shard);
    }
    this.#looks.delete(shard);
  }

  async #look(shard: number): Promise<boolean> {
    await this.#ports.sleep(LOOK_MS);
    for (const subject of waysToShard(this.#ports, shard, "status"))
      if (await this.#isAnswered(subject)) return true;
    return false;
  }

  async #isAnswered(subject: string): Promise<boolean> {
    try {
      const reply = await this.#ports.bus.request(subject, NOTHING, { timeoutMs: LOOK_TIMEOUT_MS });
      return reply.error === undefined;
    } catch {
      return false; // Whoever waits looks again, or tells why its own request failed.
    }
  }
}

/** A failure that may pass; any other one is thrown. */
function passingFailure(thrown: unknown, passing: readonly string[]): EngineError {
  if (thrown instanceof EngineError && passing.includes(thrown.code)) return thrown;
  throw thrown;
}
