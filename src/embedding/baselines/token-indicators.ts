import type { FeatureEvent } from "../../features/feature-event.ts";
import { rehash32 } from "../../kernel/hash.ts";
import type { History } from "../encoder.ts";
import { TOKEN_GROUPS, type TokenBuffer, tokenBuffer, writeTokens } from "../event-tokens.ts";
import { TokenIndex } from "../token-index.ts";

/** The items, peers, categories and keywords that some users used; a token's id is its row. */
export type Vocabulary = Readonly<{ size: number; index: TokenIndex }>;

/** Which tokens each user used, in the order in which they first did: what was seen by an event is a prefix. */
export type Indicators = Readonly<{
  users: number;
  /** Tokens of the vocabulary. */
  tokens: number;
  /** A user's tokens are [at[u], at[u + 1]); shape [users + 1]. */
  at: Uint32Array;
  /** Distinct within a user. */
  ids: Uint32Array;
  /** The event, counted from 1, that first showed the token; rising within a user. */
  events: Uint32Array;
  /** Events of each user; shape [users]. */
  lengths: Uint32Array;
  /** Time of each user's first event, epoch ms; shape [users]. */
  beganMs: Float64Array;
}>;

/** Counting needs no sides of a value: what was rated, not how. */
const NO_SPLITS: ReadonlyMap<number, number> = new Map();

/** All identities of things and topics in some users' histories. */
export function vocabularyOf(histories: readonly History[]): Vocabulary {
  const seen = new Set<number>();
  const buffer = tokenBuffer();
  for (const { events } of histories) {
    for (const event of events) {
      const count = identitiesOf(event, buffer);
      for (let i = 0; i < count; i++) seen.add(buffer.hashes[i]!);
    }
  }
  return { size: seen.size, index: new TokenIndex(Uint32Array.from(seen).sort()) };
}

/** Which of a vocabulary's tokens some users used, and when first; others are passed over. */
export function indicatorsOf(histories: readonly History[], vocabulary: Vocabulary): Indicators {
  const at = new Uint32Array(histories.length + 1);
  const lengths = new Uint32Array(histories.length);
  const beganMs = new Float64Array(histories.length);
  const lastUser = new Int32Array(vocabulary.size).fill(-1);
  const buffer = tokenBuffer();
  const ids: number[] = [];
  const firsts: number[] = [];
  for (const [u, history] of histories.entries()) {
    const { events } = history; // Once: a history may unpack its events each time it is asked.
    for (const [e, event] of events.entries()) {
      const count = identitiesOf(event, buffer);
      for (let i = 0; i < count; i++) {
        const id = vocabulary.index.rowOf(buffer.hashes[i]!);
        if (id < 0 || lastUser[id] === u) continue;
        lastUser[id] = u;
        ids.push(id);
        firsts.push(e + 1);
      }
    }
    at[u + 1] = ids.length;
    lengths[u] = events.length;
    beganMs[u] = events[0]?.tsMs ?? 0;
  }
  return {
    users: histories.length,
    tokens: vocabulary.size,
    at,
    ids: Uint32Array.from(ids),
    events: Uint32Array.from(firsts),
    lengths,
    beganMs,
  };
}

/** Writes the tokens of an event's things and topics to the buffer's first places. @returns Their number. */
export function identitiesOf(event: FeatureEvent, buffer: TokenBuffer): number {
  const count = writeTokens(event, NO_SPLITS, buffer);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const group = buffer.groups[i];
    if (group !== TOKEN_GROUPS.thing && group !== TOKEN_GROUPS.topic) continue;
    buffer.hashes[kept++] = buffer.hashes[i]!;
  }
  return kept;
}

/** Users who came one after another stay together, at most so many: what neighbours share, strangers will not. */
const NEIGHBOURS_MAX = 64;
/** Few users are dealt in smaller groups, so that every fold gets several. */
const GROUPS_A_FOLD = 8;

/**
 * Deals users to folds in groups of neighbours in time, as the engine's own fit does: what is held out is then as
 * strange as tomorrow's visitors.
 *
 * @returns In [0, folds); shape [users].
 */
export function foldsByTime(
  { users, beganMs }: Indicators,
  { folds, seed }: { readonly folds: number; readonly seed: number },
): Uint8Array {
  const order = Array.from({ length: users }, (_, u) => u).sort((a, b) => beganMs[a]! - beganMs[b]! || a - b);
  const even = Math.floor(users / folds / GROUPS_A_FOLD);
  const size = Math.max(1, Math.min(NEIGHBOURS_MAX, even));
  const foldOf = new Uint8Array(users);
  for (const [rank, u] of order.entries()) {
    // Each run of `folds` groups is one group for each fold, turned by chance: folds are even, whatever the seed.
    const group = Math.floor(rank / size);
    foldOf[u] = (group + (rehash32(Math.floor(group / folds), seed) % folds)) % folds;
  }
  return foldOf;
}
