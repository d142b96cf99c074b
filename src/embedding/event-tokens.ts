import type { FeatureEvent } from "../features/feature-event.ts";
import { rehash32 } from "../kernel/hash.ts";

/**
 * Kinds of token. Each has its own weights in a fit, since an item of ten viewers and a category of ten thousand
 * are evidence of different strength.
 */
export const TOKEN_GROUPS = { thing: 0, deed: 1, topic: 2, setting: 3 } as const;

export const TOKEN_GROUP_COUNT = 4;

/** Item, peer, deed, 32 categories, 32 keywords, type, cell and four of context. */
export const TOKENS_MAX = 73;

/** The tokens of one event: unsigned 32-bit hashes, never 0, and the group of each. Reused between events. */
export type TokenBuffer = Readonly<{ hashes: Uint32Array; groups: Uint8Array }>;

/** The value above which an event of a type counts as high; by `typeHash`. */
export type ValueSplits = ReadonlyMap<number, number>;

/** Seeds that keep an item and a category of the same name apart. */
const SEED = { item: 1, peer: 2, deed: 3, category: 4, keyword: 5, type: 6, cell: 7, context: 8 } as const;

/** KNOWN_TYPES 0 and 1: a view or click without a value says no more than its item. */
const LAST_PLAIN_TYPE = 1;

export function tokenBuffer(): TokenBuffer {
  return { hashes: new Uint32Array(TOKENS_MAX), groups: new Uint8Array(TOKENS_MAX) };
}

/**
 * Writes what an event names to `out`: its item and peer, what was done to the item (rated high, bought), its
 * categories and keywords, and the setting (type, place, referrer, device).
 *
 * @param splits - A value at or above its type's split reads "high"; a type that is not in it has no sides.
 * @returns The number of tokens.
 */
export function writeTokens(event: FeatureEvent, splits: ValueSplits, out: TokenBuffer): number {
  let count = 0;
  const put = (group: number, seed: number, hash: number): void => {
    if (hash === 0 || count === TOKENS_MAX) return;
    out.hashes[count] = rehash32(hash, seed) || 1;
    out.groups[count] = group;
    count++;
  };
  put(TOKEN_GROUPS.thing, SEED.item, event.itemHash);
  put(TOKEN_GROUPS.thing, SEED.peer, event.peerHash);
  if (event.itemHash !== 0) put(TOKEN_GROUPS.deed, SEED.deed, deedHash(event, splits));
  for (let i = 0; i < event.categoryHashes.length; i++) {
    put(TOKEN_GROUPS.topic, SEED.category, event.categoryHashes[i]!);
  }
  for (let i = 0; i < event.keywordHashes.length; i++) {
    put(TOKEN_GROUPS.topic, SEED.keyword, event.keywordHashes[i]!);
  }
  put(TOKEN_GROUPS.setting, SEED.type, event.typeHash);
  put(TOKEN_GROUPS.setting, SEED.cell, event.cellHash);
  put(TOKEN_GROUPS.setting, SEED.context, event.referrerHash);
  put(TOKEN_GROUPS.setting, SEED.context + 1, event.deviceHash);
  put(TOKEN_GROUPS.setting, SEED.context + 2, event.campaignHash);
  put(TOKEN_GROUPS.setting, SEED.context + 3, event.countryHash);
  return count;
}

/** Item, type and side of the value in one hash; 0 for a plain view. */
function deedHash(event: FeatureEvent, splits: ValueSplits): number {
  const split = Number.isNaN(event.value) ? undefined : splits.get(event.typeHash);
  const plain = event.typeCode >= 0 && event.typeCode <= LAST_PLAIN_TYPE;
  if (split === undefined) return plain ? 0 : rehash32(event.itemHash, event.typeHash);
  return rehash32(event.itemHash, event.typeHash ^ (event.value >= split ? 0x5bd1e995 : 0x1b873593));
}
