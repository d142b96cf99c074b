import { createHash, timingSafeEqual } from "node:crypto";
import type { Rate } from "../rate-limiter.ts";
import type { HttpRole } from "./http-route.ts";

/** A key as it is kept: not the key itself, only what it is known by again. */
export type KeptKey = Readonly<{
  /** Told in counts and limits; unique. */
  name: string;
  role: HttpRole;
  /** SHA-256 of the key, in hex. */
  sha256: string;
  /** Sites whose pages may use it, such as `https://shop.example`; `*` for any. Of none: a key for servers. */
  origins: readonly string[];
  /** Events, or requests of a reader, that it may send a second. */
  rate?: Rate;
}>;

/** Begins every key, so that scanners for leaked secrets can tell one. */
const PREFIX = "rsn";
/** The letter of each role: writes, reads, operates. */
const LETTER_OF: Readonly<Record<HttpRole, string>> = { producer: "w", reader: "r", operator: "o" };
/** 192 bits: nobody guesses one, and so a fast hash is enough to keep it by (unlike a password). */
const SECRET_BYTES = 24;

/**
 * Makes a key.
 *
 * @param random - So many bytes of entropy.
 */
export function newKey(role: HttpRole, random: (bytes: number) => Uint8Array): string {
  const secret = Buffer.from(random(SECRET_BYTES)).toString("base64url");
  return `${PREFIX}_${LETTER_OF[role]}_${secret}`;
}

/** What a key is kept as. */
export function hashOfKey(key: string): string {
  return digest(key).toString("hex");
}

/** The keys that are in force. */
export class KeyRing {
  readonly #keys: readonly (readonly [hash: Buffer, key: KeptKey])[];
  readonly #origins = new Set<string>();

  constructor(keys: readonly KeptKey[]) {
    this.#keys = keys.map((key) => [Buffer.from(key.sha256, "hex"), key]);
    for (const { origins } of keys) for (const origin of origins) this.#origins.add(origin);
  }

  get size(): number {
    return this.#keys.length;
  }

  /** The key that was shown; undefined for none of these. It takes as long whichever it is, and if it is none. */
  find(shown: string): KeptKey | undefined {
    const hash = digest(shown);
    let found: KeptKey | undefined;
    for (const [held, key] of this.#keys) if (timingSafeEqual(held, hash)) found = key;
    return found;
  }

  /** Whether any key may be used by pages of an origin: a browser asks that before it shows one. */
  allowsOrigin(origin: string): boolean {
    return this.#origins.has("*") || this.#origins.has(origin);
  }
}

/** Whether pages of an origin may use a key. */
export function mayBeUsedBy({ origins }: KeptKey, origin: string): boolean {
  return origins.includes("*") || origins.includes(origin);
}

/** The key in an `Authorization` header: a bearer token, or the name in basic authentication; undefined if there is none. */
export function keyInHeader(authorization: string | undefined): string | undefined {
  const [, scheme, value] = /^(\w+) +(\S+) *$/.exec(authorization ?? "") ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === "bearer") return value;
  if (scheme.toLowerCase() !== "basic") return undefined;
  const [name = ""] = Buffer.from(value, "base64").toString("utf8").split(":", 1);
  return name === "" ? undefined : name;
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
