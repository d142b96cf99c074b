import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { fromSeed } from "@nats-io/nkeys";
import { isSigned } from "../events/roles.ts";
import { newId } from "./entropy.ts";
import type { NatsIdentity } from "./nats-access.ts";
import { seedOf } from "./nats-authenticator.ts";

/** The header with a request's signature: public key, time in ms, nonce and signature, with blanks between. */
export const SIGNATURE_HEADER = "Resonance-Signature";

/** What a signature is for: nothing of it can be changed, and it is of no use at another time or subject. */
export type SignedRequest = Readonly<{
  subject: string;
  replyTo: string;
  contentType: string;
  data: Uint8Array;
}>;

/** Signs what a client asks, where that is wanted. */
export type RequestSigner = (request: SignedRequest) => string | undefined;

/** A signature as its header tells it. */
export type ReadSignature = Readonly<{ key: string; atMs: number; nonce: string; signature: Uint8Array }>;

const PATTERN = /^(U[A-Z2-7]{55}) (\d{13}) ([A-Za-z0-9_-]{8,64}) ([A-Za-z0-9_-]{86})$/;
/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const PKCS8_ED25519 = Buffer.from("302e020100300506032b657004220420", "hex");
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * Signs the requests that need it with the key of the user that connects.
 *
 * @returns Undefined for an identity without an nkey, or one that is not told the engine's prefix.
 * @throws EngineError `CREDENTIALS_UNREADABLE`.
 */
export function requestSigner(identity: NatsIdentity): RequestSigner | undefined {
  const { signs } = identity;
  const seed = signs === undefined ? undefined : seedOf(identity);
  if (signs === undefined || seed === undefined) return undefined;
  return (request) => (isSigned(signs, request.subject) ? signed(request, seed(), Date.now()) : undefined);
}

/** The header of a request that is signed now. @param seed - Of a user's nkey. */
export function signed(request: SignedRequest, seed: Uint8Array, nowMs: number): string {
  const { nkey, key } = signingKey(new TextDecoder().decode(seed));
  const nonce = newId();
  const signature = sign(null, bytesToSign(request, nowMs, nonce), key);
  return `${nkey} ${nowMs} ${nonce} ${signature.toString("base64url")}`;
}

/** Of the last seed: the library's own arithmetic is script, and takes a hundred times as long as a signature. */
let last: Readonly<{ seed: string; nkey: string; key: KeyObject }> | undefined;

function signingKey(seed: string): Readonly<{ nkey: string; key: KeyObject }> {
  if (last?.seed === seed) return last;
  const nkey = fromSeed(new TextEncoder().encode(seed)).getPublicKey();
  const der = Buffer.concat([PKCS8_ED25519, fromBase32(seed).subarray(2, 34)]);
  last = { seed, nkey, key: createPrivateKey({ key: der, format: "der", type: "pkcs8" }) };
  return last;
}

/** Reads a header; undefined if it is none. */
export function readSignature(header: string): ReadSignature | undefined {
  const [, key, at, nonce, signature] = PATTERN.exec(header) ?? [];
  if (key === undefined || nonce === undefined || signature === undefined) return undefined;
  return { key, atMs: Number(at), nonce, signature: Buffer.from(signature, "base64url") };
}

/** Whether a signature is of this very request, by the key that it names. */
export function isSignatureOf(read: ReadSignature, request: SignedRequest, key: KeyObject): boolean {
  return verify(null, bytesToSign(request, read.atMs, read.nonce), key, read.signature);
}

/** The key to verify with that a user's public nkey holds: a byte of kind, 32 of the key, two of a checksum. */
export function verifyingKey(nkey: string): KeyObject {
  const x = Buffer.from(fromBase32(nkey).subarray(1, 33)).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
}

function bytesToSign(
  { subject, replyTo, contentType, data }: SignedRequest,
  atMs: number,
  nonce: string,
): Uint8Array {
  const body = createHash("sha256").update(data).digest("hex");
  return Buffer.from(["resonance-request-1", subject, replyTo, contentType, atMs, nonce, body].join("\n"));
}

function fromBase32(text: string): Uint8Array {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let held = 0;
  let bits = 0;
  let at = 0;
  for (const letter of text) {
    held = ((held << 5) | BASE32.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = held >> bits;
  }
  return bytes;
}
