import { hash32 } from "../kernel/hash.ts";
import type { Context } from "./context.ts";

/** Anonymous users who were not seen for longer than this before the newest event are no traffic of today, ms. */
const RECENT_MS = 7 * 86_400_000;
const SALT = 0x74726166;

/**
 * Some of the anonymous users who did something lately: those of the smallest hashes, so that neither their order nor what
 * they did matters.
 *
 * @returns Ids, at most `limit`.
 */
export function anonymousSample(contexts: Iterable<Context>, limit: number): readonly string[] {
  const anonymous = [...contexts].filter(({ authenticated, events }) => !authenticated && events > 0);
  const newestMs = anonymous.reduce((newest, { lastTsMs }) => Math.max(newest, lastTsMs), 0);
  return anonymous
    .filter(({ lastTsMs }) => lastTsMs >= newestMs - RECENT_MS)
    .map(({ user }) => ({ user, rank: hash32(user, SALT) }))
    .sort((a, b) => a.rank - b.rank || (a.user < b.user ? -1 : 1))
    .slice(0, limit)
    .map(({ user }) => user);
}
