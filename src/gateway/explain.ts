import type { BusReply } from "../actors/bus.ts";
import type { ContentType } from "../events/decode-request.ts";
import type { Arrival } from "../features/arrival.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import { decisionTooOld } from "../resonance/decision-id.ts";
import type { AskShard } from "./ask-shard.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

type UserQuestion = Readonly<{
  user: string;
  map: string;
  segments: readonly string[];
  type: ContentType;
  top?: number;
  inAnswer: boolean;
  /** How the user comes, as the request tells. */
  arrival: Arrival | undefined;
  atLeast?: number;
  waitMs?: number;
}>;

/** What passes questions on to where they are answered. */
export type Explaining = Readonly<{
  /** Explains an answer that was given once. */
  decision(id: string, segments: readonly string[], type: ContentType): Promise<BusReply>;
  /** Explains what a user gets now. */
  user(question: UserQuestion): Promise<BusReply>;
}>;

/**
 * What is held of a user is asked of the shard, which costs it no more than a score; all else is worked out elsewhere.
 *
 * Throws EngineError `BAD_DECISION`, `DECISION_NOT_KEPT`, `DECISION_TOO_OLD`, and what `explain` of the ports throws.
 */
export function createExplaining(
  ports: Pick<GatewayPorts, "decisions" | "explain" | "subjects"> & Readonly<{ askShard: AskShard }>,
  { shards }: GatewayOptions,
): Explaining {
  return {
    async decision(id, segments, type) {
      const { kind, key, chosen } = ports.decisions.read(id);
      if (kind === "session")
        throw notKept(
          "it is of a session, or of the context of a request, and neither is stored: send that again",
        );
      if (kind === "many" && chosen !== undefined)
        throw notKept("the user's shard did not answer in time, so that it was made without the user");
      if (kind === "many")
        throw notKept(
          'it is of many users in columns: ask score.batch without "format", and each answer has an id',
        );
      const shard = ports.subjects.shardOfOutputKey(key);
      if (shard === undefined || shard >= shards) throw decisionTooOld("the shards were split since");
      const data = await ports.explain({ kind: "decision", decision: id, segments, type });
      return { data, contentType: type };
    },

    async user({ atLeast, waitMs, arrival, ...question }) {
      const shard = shardOf(question.user, shards);
      const asked = {
        user: question.user,
        ...(atLeast === undefined ? {} : { atLeast }),
        ...(waitMs === undefined ? {} : { waitMs }),
      };
      const [held = new Uint8Array()] = await ports.askShard(shard, "holding", asked);
      const told = arrival === undefined ? {} : { arrival: [...arrival] };
      const data = await ports.explain({ ...question, kind: "user", shard, held, ...told });
      return { data, contentType: question.type };
    },
  };
}

function notKept(reason: string): EngineError {
  const message = `this decision can't be replayed: ${reason}`;
  return new EngineError({ code: "DECISION_NOT_KEPT", message, retryable: false });
}
