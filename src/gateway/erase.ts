import { readJson } from "../actors/read-json.ts";
import { checkId } from "../events/check-text.ts";
import { encodeEntry } from "../events/log-codec.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { shardOf } from "../kernel/hash.ts";
import { decode } from "../kernel/msgpack.ts";
import { type ErasedHash, type ErasureRecord, erasedKey, erasureKey } from "../privacy/erasure-record.ts";
import type { AskShard } from "./ask-shard.ts";
import type { ErasureNews } from "./erasure-news.ts";
import type { GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/** The reply of `erase`: how far it is, and once it is done the proof of it. */
export type EraseReply = ErasureRecord;

/** What a shard tells of a user who is to be erased. */
type HeldForErasure = Readonly<{
  /** An erasure of theirs that is pending; null for none. */
  pending: string | null;
  /** Whether anything is held of them now. */
  isHeld: boolean;
}>;

type Given = Readonly<{ waitMs: number }> & (Readonly<{ user: string }> | Readonly<{ erasure: string }>);

const WAIT_MS = 5_000;
const WAIT_MS_MAX = 60_000;
/** It is looked without being told: what erasers tell may get lost. */
const LOOK_FIRST_MS = 2_000;
const LOOK_LAST_MS = 4_000;
/** What records are stored under. */
const ID = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * Erases a user, or tells how far an erasure is. It waits for the proof, and answers earlier with what there is when its time
 * is over; asked again for the same user, it joins the erasure under way.
 *
 * @throws EngineError `UNKNOWN_ERASURE`; `LOG_UNAVAILABLE`, `NO_RESPONDERS`, `TIMEOUT`, `NOT_CAUGHT_UP` (retryable).
 */
export async function erase(
  ports: GatewayPorts & Readonly<{ askShard: AskShard; erasureNews: ErasureNews }>,
  options: GatewayOptions,
  body: unknown,
): Promise<EraseReply> {
  const given = givenIn(body);
  const deadlineMs = ports.clock.monotonicMs() + given.waitMs;
  const begun = "user" in given ? await begin(ports, options, given.user) : undefined;
  const erasure = begun?.erasure ?? ("erasure" in given ? given.erasure : "");
  const { clock, erasureNews, releases, sleep } = ports;
  return erasureNews.whileListening(async () => {
    for (let lookMs = LOOK_FIRST_MS; ; lookMs = Math.min(LOOK_LAST_MS, lookMs * 2)) {
      const record = (await readJson<ErasureRecord>(releases, erasureKey(erasure))) ?? begun;
      if (record === undefined) throw unknownErasure();
      const leftMs = deadlineMs - clock.monotonicMs();
      if (record.state === "done" || leftMs <= 0) return record;
      await erasureNews.toldOr(erasure, sleep(Math.min(lookMs, leftMs)));
    }
  });
}

/** Puts an erasure into the user's log, unless one is there that everything held of them is before. */
async function begin(
  ports: GatewayPorts & Readonly<{ askShard: AskShard }>,
  options: GatewayOptions,
  user: string,
): Promise<ErasureRecord> {
  const { askShard, hashUser, log, newId, releases, subjects } = ports;
  const shard = shardOf(user, options.shards);
  const stream = subjects.shardLog(shard);
  const hash = hashUser(user);
  const last = await log.last(stream); // Whatever was acknowledged before this request is there.
  const asked = { user, hash, atLeast: last, waitMs: WAIT_MS };
  const [answer] = await askShard(shard, "erasing", asked);
  const { pending, isHeld } = decode(answer ?? new Uint8Array()) as HeldForErasure;
  const joined: ErasureRecord = {
    erasure: pending ?? "",
    state: "asked",
    reason: "asked",
    shard,
    sequence: last,
  };
  if (pending !== null && !isHeld) return joined;
  const erasure = newId();
  const noted: ErasedHash = { erasure, hash, shard, shards: options.shards };
  await releases.put(erasedKey(erasure), new TextEncoder().encode(JSON.stringify(noted)));
  const data = encodeEntry({ kind: "erase", id: erasure, hash, user, reason: "asked" });
  const [sequence = 0] = await log.append(stream, [{ id: `erase:${erasure}`, data }]);
  const record: ErasureRecord = { erasure, state: "asked", reason: "asked", shard, sequence };
  await releases.create(erasureKey(erasure), new TextEncoder().encode(JSON.stringify(record)));
  return record;
}

function givenIn(body: unknown): Given {
  const { user, erasure, waitMs = WAIT_MS } = fieldsOf(body, ["user", "erasure", "waitMs"]);
  if (typeof waitMs !== "number" || !(waitMs >= 0 && waitMs <= WAIT_MS_MAX))
    throw refused({ code: "WRONG_TYPE", message: `waitMs must be a number from 0 to ${WAIT_MS_MAX}` });
  if ((user === undefined) === (erasure === undefined))
    throw refused({ code: "WRONG_TYPE", message: "name a user, or the erasure to be told of" });
  const refusal = user === undefined ? checkId(erasure, "erasure") : checkId(user, "user");
  if (refusal !== undefined) throw refused(refusal);
  if (user !== undefined) return { user: user as string, waitMs };
  if (!ID.test(erasure as string)) throw unknownErasure();
  return { erasure: erasure as string, waitMs };
}

function unknownErasure(): EngineError {
  const message = "there was never such an erasure: ask with the id that erase answered";
  return new EngineError({ code: "UNKNOWN_ERASURE", message, retryable: false });
}
