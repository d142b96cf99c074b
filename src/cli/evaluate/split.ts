import { hash32, rehash32 } from "../../kernel/hash.ts";

/** Whose labels the engine may learn from, and whose are kept back to ask about. Disjoint; together all users. */
export type UserSplit = Readonly<{ members: ReadonlySet<string>; masked: ReadonlySet<string> }>;

/** How users are divided. */
export type SplitRule =
  /** Each user for themselves, by the hash of the id: it does not matter who else is in the set. */
  | Readonly<{ kind: "hash"; seed: number }>
  /**
   * Blocks of `size` neighbours in file order stay together, for sets whose neighbouring rows share a label: a
   * random split would let the answer leak.
   */
  | Readonly<{ kind: "block"; size: number; seed: number }>;

/** One in five is masked. */
const PARTS = 5;

/**
 * Divides users 80/20 into members and masked, always in the same way for the same rule.
 *
 * @param users - Distinct, in file order.
 * @throws RangeError if a block's size is not a whole number of 1 or more.
 */
export function splitUsers(users: readonly string[], rule: SplitRule): UserSplit {
  const members = new Set<string>();
  const masked = new Set<string>();
  const isMasked = maskedBy(rule);
  for (const [index, user] of users.entries()) (isMasked(user, index) ? masked : members).add(user);
  return { members, masked };
}

function maskedBy(rule: SplitRule): (user: string, index: number) => boolean {
  if (rule.kind === "hash") return (user) => rehash32(hash32(user), rule.seed) < 2 ** 32 / PARTS;
  if (!Number.isSafeInteger(rule.size) || rule.size < 1)
    throw new RangeError("a block holds at least one user");
  return (_, index) => {
    const block = Math.floor(index / rule.size);
    // Exactly one of each five neighbouring blocks, so that no stretch of the file is left out.
    return rehash32(Math.floor(block / PARTS), rule.seed) % PARTS === block % PARTS;
  };
}
