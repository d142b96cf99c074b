import type { BusReply } from "../actors/bus.ts";
import type { ContentAspect } from "../content/content-answer.ts";
import { checkId } from "../events/check-text.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { arrivalOf } from "../features/arrival.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import { contextOf, type RequestContext, userOf } from "../resonance/score-request.ts";
import type { AskShard } from "./ask-shard.ts";
import type { Catalogues } from "./catalogues.ts";
import type { ConsentInForce } from "./consent-policy.ts";
import type { ContextReader } from "./context-reader.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";
import { mayTell } from "./may-tell.ts";
import { PopularContent } from "./popular-content.ts";
import { RequestBundles } from "./request-bundles.ts";
import type { Asker } from "./score.ts";

/** What answers `content`. */
export type Choosing = (body: unknown, asker: Asker) => Promise<BusReply | undefined>;

/** A page is not kept waiting for longer: then what all users like is shown. */
const PATIENCE_MS = 500;
/** The shard, or the way to it, is to blame for these: what is popular can be told without it. */
const WITHOUT_THE_SHARD = ["NO_RESPONDERS", "NOT_OWNER", "NOT_CAUGHT_UP", "TIMEOUT"];
/** What a shard that has not folded the newest catalogue says of it. */
const NOT_YET = ["NO_CONTENT", "UNKNOWN_PLACEMENT"];

/**
 * Lets the shards choose: their answers go to whoever asked straight away. For a user whose shard does not answer in time what
 * is popular is chosen here, so that no request waits for a shard that changes hands.
 */
export function createChoosing(
  ports: Pick<GatewayPorts, "clock" | "decisions" | "log" | "newId" | "releases" | "sleep" | "subjects"> &
    Readonly<{ askShard: AskShard; contexts: ContextReader; consent: () => ConsentInForce }>,
  { shards }: GatewayOptions,
  catalogues: Catalogues,
): Choosing {
  const { askShard, clock, consent, contexts, sleep } = ports;
  const popular = new PopularContent(ports, catalogues);
  const bundles = new RequestBundles<ContentAspect>(
    (shard, request) =>
      Promise.race([
        askShard(shard, "content", request, "once"),
        sleep(PATIENCE_MS).then(() => {
          throw tooLate(shard);
        }),
      ]),
    ({ placement }) => placement,
  );
  return async (body, { type, replyTo: asker, span }) => {
    const { user, placement, context } = readContentRequest(body);
    const arrival = mayTell(consent(), context)
      ? arrivalOf(contexts.read(context, clock.nowMs()))
      : undefined;
    try {
      const data = await bundles.ask({
        shard: shardOf(user, shards),
        user,
        aspect: { placement },
        type,
        asker,
        arrival,
        trace: span?.traceparent,
      });
      return data === undefined ? undefined : { data, contentType: type };
    } catch (thrown) {
      if (!(thrown instanceof EngineError)) throw thrown;
      const isNotYet = NOT_YET.includes(thrown.code) && catalogues.hasPlacement(placement);
      if (!isNotYet && !WITHOUT_THE_SHARD.includes(thrown.code)) throw thrown;
      return { data: await popular.choose(user, placement, type), contentType: type };
    }
  };
}

/** @throws EngineError with the code of what is wrong with the request. */
function readContentRequest(
  body: unknown,
): Readonly<{ user: string; context?: RequestContext }> & ContentAspect {
  const fields = fieldsOf(body, ["user", "placement", "context"]);
  const user = userOf(fields["user"]);
  const { placement } = fields;
  if (placement === undefined) throw refused({ code: "MISSING_FIELD", message: "placement is missing" });
  const refusal = checkId(placement, "placement");
  if (refusal !== undefined) throw refused(refusal);
  return { user, placement: placement as string, ...contextOf(fields) };
}

function tooLate(shard: number): EngineError {
  const message = `shard ${shard} did not choose within ${PATIENCE_MS} ms`;
  return new EngineError({ code: "TIMEOUT", message, retryable: true });
}
