import type { KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { isSigned, ROLES, type Role, roleOfInbox, rolesThatMayAsk } from "../events/roles.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { isSignatureOf, readSignature, type SignedRequest, verifyingKey } from "./request-signature.ts";

/** What came of looking at a request: it is served, refused with an answer, or not answered at all. */
export type Verdict =
  /** `by`: the public nkey that has signed it; undefined if it need not be signed. */
  | Readonly<{ kind: "served"; by?: string }>
  | Readonly<{ kind: "refused"; error: EngineError }>
  /** The answer would go to a subject that is no inbox: a node may publish there, and the asker perhaps not. */
  | Readonly<{ kind: "dropped" }>;

/** A request and the header of its signature; empty if it has none. */
export type AskedRequest = SignedRequest & Readonly<{ signature: string }>;

/**
 * The second lock, behind the NATS server's own: looks at each request that a node gets. It holds if the server's
 * permissions are wrong, and against asking a node to write where only nodes may.
 */
export type RequestLock = (request: AskedRequest) => Verdict;

/** The file of a lock: the users' public nkeys, and the role of each. */
export type LockFile = Readonly<{ prefix: string; keys: Readonly<Record<string, Role>> }>;

type Keys = Readonly<{ prefix: string; roles: ReadonlyMap<string, { role: Role; key: KeyObject }> }>;

/** Clocks of two machines are this far apart at most, and a message is on its way for so long. */
const WINDOW_MS = 30_000;
/** How often the file is looked at, at most. */
const LOOK_MS = 1_000;
const SERVED: Verdict = { kind: "served" };
const DROPPED: Verdict = { kind: "dropped" };

/**
 * Makes a lock of a file, which is read again when it has changed.
 *
 * @throws EngineError `BAD_LOCK_FILE`; later, what was read last counts while the file can't be read.
 */
export function requestLock(file: string, nowMs: () => number = Date.now): RequestLock {
  const keysInForce = watchedKeys(file, nowMs);
  const nonces = new Map<string, number>();
  return (request) => {
    const { prefix, roles } = keysInForce();
    const { subject, replyTo } = request;
    const allowed = rolesThatMayAsk(prefix, subject);
    const asker = roleOfInbox(replyTo);
    if (replyTo !== "" && asker === undefined) return DROPPED;
    if (asker !== undefined && !allowed.includes(asker)) return refused(forbidden(subject, asker));
    if (!isSigned(prefix, subject)) return SERVED;
    const signed = signedBy(request, { roles, allowed, asker, nonces, nowMs: nowMs() });
    return signed instanceof EngineError ? refused(signed) : { kind: "served", by: signed };
  };
}

type Known = Readonly<{
  roles: Keys["roles"];
  allowed: readonly Role[];
  asker: Role | undefined;
  /** When each nonce came. */
  nonces: Map<string, number>;
  nowMs: number;
}>;

/** The public nkey that has signed a request; what is wrong with its signature, if it does not count. */
function signedBy(request: AskedRequest, known: Known): string | EngineError {
  const { subject } = request;
  if (request.signature === "") {
    const message = `requests on ${subject} have to be signed with an operator's key: see "Signed requests" in docs/security.md`;
    return new EngineError({ code: "SIGNATURE_REQUIRED", message, retryable: false, detail: { subject } });
  }
  const read = readSignature(request.signature);
  if (read === undefined) return badSignature(subject, "the header is not of the form that it must have");
  const signer = known.roles.get(read.key);
  if (signer === undefined)
    return badSignature(subject, "the key is none of this deployment, or was revoked");
  if (!known.allowed.includes(signer.role)) return forbidden(subject, signer.role);
  if (known.asker !== undefined && known.asker !== signer.role)
    return badSignature(subject, `the key is of the role ${signer.role}, and the inbox of ${known.asker}`);
  if (Math.abs(known.nowMs - read.atMs) > WINDOW_MS)
    return badSignature(
      subject,
      `it is not of now, give or take ${WINDOW_MS / 1_000} s: sign anew, and look at both clocks`,
    );
  if (!isSignatureOf(read, request, signer.key)) return badSignature(subject, "it is of another request");
  if (isRepeated(read.nonce, known)) return badSignature(subject, "it was used before: sign anew");
  return read.key;
}

/** Takes note of a nonce for as long as its signature could be sent again. */
function isRepeated(nonce: string, { nonces, nowMs }: Known): boolean {
  for (const [old, atMs] of nonces) {
    if (nowMs - atMs <= 2 * WINDOW_MS) break; // In the order in which they came.
    nonces.delete(old);
  }
  if (nonces.has(nonce)) return true;
  nonces.set(nonce, nowMs);
  return false;
}

function watchedKeys(file: string, nowMs: () => number): () => Keys {
  let held = readKeys(file);
  let changedMs = statSync(file).mtimeMs;
  let lookedMs = nowMs();
  return () => {
    if (nowMs() - lookedMs < LOOK_MS) return held;
    lookedMs = nowMs();
    try {
      const { mtimeMs } = statSync(file);
      if (mtimeMs !== changedMs) held = readKeys(file);
      changedMs = mtimeMs;
    } catch {
      // It is being replaced: the next look reads it.
    }
    return held;
  };
}

function readKeys(file: string): Keys {
  try {
    const { prefix, keys } = JSON.parse(readFileSync(file, "utf8")) as LockFile;
    const roles = Object.entries(keys).map(([nkey, role]) => {
      if (!ROLES.includes(role)) throw new Error(`${role} is no role`);
      return [nkey, { role, key: verifyingKey(nkey) }] as const;
    });
    if (typeof prefix !== "string") throw new Error("it names no prefix");
    return { prefix, roles: new Map(roles) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `the keys of the roles in ${file} can't be read: ${reason}`;
    throw new EngineError({ code: "BAD_LOCK_FILE", message, retryable: false, detail: { file }, cause });
  }
}

function refused(error: EngineError): Verdict {
  return { kind: "refused", error };
}

function forbidden(subject: string, role: Role): EngineError<"FORBIDDEN"> {
  const message = `the role ${role} may not ask ${subject}: docs/security.md has the table of roles`;
  return new EngineError({ code: "FORBIDDEN", message, retryable: false, detail: { subject, role } });
}

function badSignature(subject: string, reason: string): EngineError<"BAD_SIGNATURE"> {
  const message = `the signature of a request on ${subject} does not count: ${reason}`;
  return new EngineError({ code: "BAD_SIGNATURE", message, retryable: false, detail: { subject } });
}
