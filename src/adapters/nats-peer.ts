import { createInbox, type NatsConnection } from "@nats-io/transport-node";
import type { NatsAccess } from "./nats-access.ts";
import { type RequestLock, requestLock } from "./request-lock.ts";
import { type RequestSigner, requestSigner } from "./request-signature.ts";

/** Who a connection is towards those that it asks, and by what it knows those that ask it. */
type Peer = Readonly<{ inboxPrefix?: string; signer?: RequestSigner; lock?: RequestLock }>;

const peers = new WeakMap<NatsConnection, Peer>();

/** Takes note of how a connection was made. @throws EngineError `CREDENTIALS_UNREADABLE`. */
export function rememberPeer(nc: NatsConnection, access: NatsAccess): void {
  const { inboxPrefix, lockFile } = access;
  const signer = requestSigner(access);
  peers.set(nc, {
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(signer === undefined ? {} : { signer }),
    ...(lockFile === undefined ? {} : { lock: requestLock(lockFile) }),
  });
}

/** A new subject to wait for answers on, which the server lets this connection listen to. */
export function newInbox(nc: NatsConnection): string {
  return createInbox(peers.get(nc)?.inboxPrefix);
}

/** What signs a connection's requests; undefined for one that has no key. */
export function signerOf(nc: NatsConnection): RequestSigner | undefined {
  return peers.get(nc)?.signer;
}

/** What looks at the requests that a connection gets; undefined if all are taken. */
export function lockOf(nc: NatsConnection): RequestLock | undefined {
  return peers.get(nc)?.lock;
}
