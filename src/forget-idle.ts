import type { Log } from "./actors/log.ts";
import type { UnitCopy } from "./actors/unit-copy.ts";
import { encodeEntry } from "./events/log-codec.ts";
import type { Clock } from "./kernel/clock.ts";
import { toWireError } from "./kernel/engine-error.ts";
import type { Report } from "./kernel/report.ts";
import type { HashUser } from "./privacy/user-hash.ts";
import { decodeContext, lastSequenceOf, lastTsMsOf } from "./shards/context-codec.ts";
import type { ContextStore } from "./shards/context-store.ts";
import { whileOwned } from "./while-owned.ts";

/** What forgetting the idle users of a shard takes. */
export type IdleDuty = Readonly<{
  store: Pick<ContextStore, "contextsAfter">;
  log: Pick<Log, "append">;
  clock: Clock;
  sleep(ms: number): Promise<void>;
  newId(): string;
  hashUser: HashUser;
  report: Report;
  unit: string;
  stream: string;
  /** A user is idle whose newest event is older, by the time in it, ms; Infinity: nobody is. */
  idleMs: number;
}>;

/** All users are looked at once in so long: nobody is kept much longer than they should be. */
const PASS_MS = 600_000;
/** Erasures asked for in a pass at most: that many cost a store one rewriting. */
const ERASURES_A_PASS = 2_000;
/** Users looked at between two turns of the thread: a millisecond. */
const LOOKED_AT = 256;
/** How often the end of ownership is noticed. */
const LOOK_MS = 500;

/**
 * Lets a copy that owns its shard ask for the erasure of users of whom nothing was heard for long. Each pass goes on where
 * the last one had its fill, and two passes are at least ten minutes apart.
 */
export function forgetIdle(copy: UnitCopy, duty: IdleDuty): UnitCopy {
  if (!Number.isFinite(duty.idleMs)) return copy;
  return whileOwned(copy, async (lease, isOwner) => {
    let after: string | undefined;
    let nextMs = duty.clock.monotonicMs();
    const goesOn = (): boolean => isOwner() && lease.isHeld();
    while (isOwner()) {
      await duty.sleep(LOOK_MS);
      if (!goesOn() || duty.clock.monotonicMs() < nextMs) continue;
      try {
        after = await pass(duty, after, goesOn);
      } catch (thrown) {
        const { code, message } = toWireError(thrown);
        duty.report(`${duty.unit}: idle users are forgotten later (${code}: ${message})`, {
          ...{ event: "idle.postponed", level: "warn", unit: duty.unit, code },
        });
      }
      nextMs = duty.clock.monotonicMs() + PASS_MS;
    }
  });
}

/** Looks at users behind one, in the order of their ids. @returns Where the next pass begins; undefined: at the first. */
async function pass(
  duty: IdleDuty,
  from: string | undefined,
  goesOn: () => boolean,
): Promise<string | undefined> {
  const beforeMs = duty.clock.nowMs() - duty.idleMs;
  let after = from;
  let asked = 0;
  while (goesOn() && asked < ERASURES_A_PASS) {
    const users = duty.store.contextsAfter(after, LOOKED_AT);
    const idle = users.filter(([user, context]) => newestMsOf(user, context) < beforeMs);
    if (idle.length > 0) await ask(duty, idle);
    asked += idle.length;
    after = users.at(-1)?.[0];
    if (users.length < LOOKED_AT) after = undefined;
    if (after === undefined) break;
    await duty.sleep(0);
  }
  // Nobody's name: reports are no place for who it was.
  if (asked > 0)
    duty.report(`${duty.unit}: ${asked} users were idle for too long: they are being forgotten`, {
      event: "idle.forgotten",
      unit: duty.unit,
    });
  return after;
}

/** Asks for erasures. Somebody who comes back before it is folded is not erased: the entry tells what was seen of them. */
async function ask(
  { log, newId, hashUser, stream }: IdleDuty,
  idle: readonly (readonly [user: string, context: Uint8Array])[],
): Promise<void> {
  await log.append(
    stream,
    idle.map(([user, context]) => {
      const id = newId();
      const seen = lastSequenceOf(context);
      const data = encodeEntry({ kind: "erase", id, hash: hashUser(user), user, reason: "idle", seen });
      return { id: `erase ${id}`, data };
    }),
  );
}

/** The time of the newest that was heard of a user, or shown to them, epoch ms. */
function newestMsOf(user: string, bytes: Uint8Array): number {
  const lastTsMs = lastTsMsOf(bytes);
  if (lastTsMs > 0) return lastTsMs;
  const { exposures } = decodeContext(user, bytes); // They were served something, and never acted.
  return Math.max(0, ...[...exposures.values()].map(({ atMs }) => atMs));
}
