import { readFileSync } from "node:fs";
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import type { NatsIdentity } from "./nats-access.ts";

/**
 * How a client tells a server who it is. Files are read again for each connection, so that whoever replaces them changes
 * who a running node is: at its next reconnect, which an expired or revoked user comes to by itself.
 *
 * @returns Undefined for a client that says nothing of itself.
 * @throws EngineError `CREDENTIALS_UNREADABLE`; later, what was read last counts while a file can't be read.
 */
export function authenticatorOf(identity: NatsIdentity): Authenticator | undefined {
  const { credentialsFile, nkeyFile, user, password, passwordFile, token, tokenFile } = identity;
  if (credentialsFile !== undefined)
    return credsAuthenticator(bytesOf(credentialsFile, isCredentials, withLineEnd));
  if (nkeyFile !== undefined) return nkeyAuthenticator(bytesOf(nkeyFile, isSeed));
  if (user !== undefined)
    return usernamePasswordAuthenticator(
      user,
      passwordFile === undefined ? (password ?? "") : textOf(passwordFile),
    );
  if (tokenFile !== undefined) return tokenAuthenticator(textOf(tokenFile));
  return token === undefined ? undefined : tokenAuthenticator(token);
}

/** The seed of a user's nkey, which requests are signed with; undefined for a client that has none. */
export function seedOf({ credentialsFile, nkeyFile }: NatsIdentity): (() => Uint8Array) | undefined {
  if (nkeyFile !== undefined) return bytesOf(nkeyFile, isSeed);
  if (credentialsFile === undefined) return undefined;
  const credentials = bytesOf(credentialsFile, isCredentials);
  return () => new TextEncoder().encode(SEED.exec(new TextDecoder().decode(credentials()))?.[0] ?? "");
}

const SEED = /\bSU[A-Z2-7]{56}\b/;

function isSeed(text: string): boolean {
  return /^SU[A-Z2-7]{56}$/.test(text);
}

function isCredentials(text: string): boolean {
  return text.includes("BEGIN NATS USER JWT") && SEED.test(text);
}

/** The client finds no key without one behind the last line. */
function withLineEnd(text: string): string {
  return `${text}\n`;
}

function textOf(file: string): () => string {
  const bytes = bytesOf(file, (text) => text !== "");
  return () => new TextDecoder().decode(bytes());
}

/** A file's content without white space around it, read again each time. */
function bytesOf(
  file: string,
  isValid: (text: string) => boolean,
  end = (text: string): string => text,
): () => Uint8Array {
  const read = (): Uint8Array => {
    let text: string;
    try {
      text = readFileSync(file, "utf8").trim();
    } catch (cause) {
      throw unreadable(file, cause instanceof Error ? cause.message : String(cause));
    }
    if (!isValid(text)) throw unreadable(file, "it does not hold what it should");
    return new TextEncoder().encode(end(text));
  };
  let last = read();
  return () => {
    try {
      last = read();
    } catch {
      // It is being replaced, perhaps: a connection that is kept for ever must not end for it.
    }
    return last;
  };
}

function unreadable(file: string, reason: string): EngineError<"CREDENTIALS_UNREADABLE"> {
  const message = `the credentials in ${file} can't be read: ${reason}`;
  return new EngineError({ code: "CREDENTIALS_UNREADABLE", message, retryable: false, detail: { file } });
}
