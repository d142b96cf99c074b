import { assert } from "../kernel/assert.ts";
import type { HashUser } from "./user-hash.ts";

/** Hexadecimal digits that a number holds exactly. */
const PREFIX_DIGITS = 13;

/**
 * Finds a user by the keyed hash that is left of them in the log, which only a copy has to that comes late. All users are
 * hashed when the first one is looked for, two seconds for a million, and forgotten once the copy has caught up.
 */
export class UsersByHash {
  readonly #contexts: { held(): Iterable<string> };
  readonly #hashUser: HashUser | undefined;
  /** By the first digits. */
  #users: Map<number, string[]> | undefined;

  /** @param contexts - `held`: everybody of whom something is held. */
  constructor(contexts: { held(): Iterable<string> }, hashUser: HashUser | undefined) {
    this.#contexts = contexts;
    this.#hashUser = hashUser;
  }

  /** The user of a hash; undefined if nothing is held of one. */
  find(hash: string): string | undefined {
    const { hashUser } = this;
    if (this.#users === undefined) {
      this.#users = new Map();
      for (const user of this.#contexts.held()) this.#add(this.#users, user);
    }
    return this.#users.get(prefixOf(hash))?.find((user) => hashUser(user) === hash);
  }

  /** Somebody new is held. */
  added(user: string): void {
    if (this.#users !== undefined) this.#add(this.#users, user);
  }

  forget(): void {
    this.#users = undefined;
  }

  get hashUser(): HashUser {
    assert(this.#hashUser !== undefined, "a shard whose log may be redacted has the key of erased users");
    return this.#hashUser;
  }

  #add(users: Map<number, string[]>, user: string): void {
    const prefix = prefixOf(this.hashUser(user));
    const held = users.get(prefix);
    if (held === undefined) users.set(prefix, [user]);
    else if (!held.includes(user)) held.push(user);
  }
}

function prefixOf(hash: string): number {
  return Number.parseInt(hash.slice(0, PREFIX_DIGITS), 16);
}
