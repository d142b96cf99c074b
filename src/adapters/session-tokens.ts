import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import type { SessionTokens } from "../gateway/session-tokens.ts";
import { badToken, SESSION_TOKEN_CHARS_MAX } from "../gateway/session-tokens.ts";
import { assert } from "../kernel/assert.ts";
import type { Clock } from "../kernel/clock.ts";
import type { NumberedKey } from "./deployment-keys.ts";

/** Format, number of the key, nonce, in front of what is encrypted; behind that the tag. */
const FORMAT = 1;
const NUMBER_AT = 1;
const NONCE_AT = 5;
const NONCE_BYTES = 24;
/** Of the nonce, what makes a token's own key, and what is the cipher's. */
const SALT_BYTES = 12;
const SEALED_AT = NONCE_AT + NONCE_BYTES;
const TAG_BYTES = 16;
const EXPIRES_BYTES = 8;
const CIPHER = "aes-256-gcm";
/** Whoever makes up numbers of keys must not make the node read its store each time. */
const KEYS_READ_MS = 1_000;

type Ports = Readonly<{
  /** The keys there are, the newest first. */
  keys(): Promise<readonly NumberedKey[]>;
  random(bytes: number): Uint8Array;
  clock: Pick<Clock, "monotonicMs">;
}>;

/**
 * Session tokens in AES-256-GCM: `format | number of the key | nonce | expiry and state, encrypted | tag`, in base64url. All in
 * front of the encrypted part is authenticated with it.
 *
 * Each token is encrypted under a key of its own, HMAC-SHA-256 of the first half of its nonce, as XAES-256-GCM does: random nonces of 96 bits
 * alone would be used up after 2^32 tokens, a few days' worth of a busy deployment.
 *
 * @see NIST SP 800-38D, section 8.3; https://c2sp.org/XAES-256-GCM (with another derivation).
 */
export async function sealedSessionTokens(
  ports: Ports,
): Promise<SessionTokens & { refresh(): Promise<void> }> {
  let keys = await ports.keys();
  let readMs = ports.clock.monotonicMs();
  const refresh = async (): Promise<void> => {
    keys = await ports.keys();
    readMs = ports.clock.monotonicMs();
  };
  const keyOf = async (number: number): Promise<NumberedKey | undefined> => {
    const isNewer = number > (keys[0]?.number ?? -1);
    // Another node may have heard of a rotation earlier than this one.
    if (isNewer && ports.clock.monotonicMs() - readMs >= KEYS_READ_MS) await refresh();
    return keys.find((key) => key.number === number);
  };
  return {
    refresh,
    seal(state, expiresMs) {
      const [newest] = keys;
      assert(newest !== undefined, "a deployment has keys");
      const head = new Uint8Array(SEALED_AT);
      head[0] = FORMAT;
      new DataView(head.buffer).setUint32(NUMBER_AT, newest.number);
      head.set(ports.random(NONCE_BYTES), NONCE_AT);
      const cipher = createCipheriv(CIPHER, ownKey(newest, head), head.subarray(NONCE_AT + SALT_BYTES));
      cipher.setAAD(head);
      const expires = new Uint8Array(EXPIRES_BYTES);
      new DataView(expires.buffer).setFloat64(0, expiresMs);
      const sealed = [cipher.update(expires), cipher.update(state), cipher.final(), cipher.getAuthTag()];
      const token = Buffer.concat([head, ...sealed]).toString("base64url");
      assert(token.length <= SESSION_TOKEN_CHARS_MAX, "what a session carries has a limit");
      return token;
    },
    async open(token, nowMs) {
      const bytes = bytesOf(token);
      if (bytes === undefined) throw badToken();
      const key = await keyOf(bytes.readUInt32BE(NUMBER_AT));
      const opened = key === undefined ? undefined : decrypted(key, bytes);
      if (opened === undefined) throw badToken();
      if (!(opened.readDoubleBE(0) > nowMs)) throw badToken("expired");
      return new Uint8Array(opened.subarray(EXPIRES_BYTES));
    },
  };
}

/** Undefined for what was not written by {@link sealedSessionTokens}; base64url has one way to write the same bytes. */
function bytesOf(token: string): Buffer | undefined {
  if (token.length > SESSION_TOKEN_CHARS_MAX) return undefined;
  const bytes = Buffer.from(token, "base64url");
  if (bytes.length < SEALED_AT + EXPIRES_BYTES + TAG_BYTES || bytes[0] !== FORMAT) return undefined;
  return bytes.toString("base64url") === token ? bytes : undefined;
}

function decrypted(key: NumberedKey, bytes: Buffer): Buffer | undefined {
  const head = bytes.subarray(0, SEALED_AT);
  const tagAt = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, ownKey(key, head), head.subarray(NONCE_AT + SALT_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(head);
  decipher.setAuthTag(bytes.subarray(tagAt));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(SEALED_AT, tagAt)), decipher.final()]);
  } catch {
    return undefined; // The tag does not fit: made up, changed, or of another deployment.
  }
}

/** The key of one token. */
function ownKey({ key }: NumberedKey, head: Uint8Array): Buffer {
  return createHmac("sha256", key)
    .update(head.subarray(NONCE_AT, NONCE_AT + SALT_BYTES))
    .digest();
}
