import { errors } from "@nats-io/transport-node";
import { EngineError } from "../kernel/engine-error.ts";
import type { NatsAccess } from "./nats-access.ts";
import { greetingOf } from "./nats-greeting.ts";

const NO_CLIENT_CERTIFICATE =
  "it wants a client's certificate of an authority that it trusts: see --nats-cert and --nats-key";

/** Node's codes of certificates that are not trusted, and what to do. */
const TLS_FAILURES: readonly (readonly [RegExp, string])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|DEPTH_ZERO/,
    "its certificate is of an authority that is not trusted here: name the right one (--nats-ca FILE)",
  ],
  [/CERT_HAS_EXPIRED/, "its certificate has expired: renew it"],
  [/CERT_NOT_YET_VALID/, "its certificate is not valid yet: look at both clocks"],
  [
    /ALTNAME_INVALID/,
    "its certificate is for other names than the one it was reached under: use one of those, or make it anew with this one",
  ],
  [
    /does not support 'tls'|is not available on this server/,
    "it offers no TLS, and nothing was sent to it: give it a certificate, or leave TLS out here",
  ],
  [
    /ALERT_(CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE)|certificate required|bad certificate|unknown ca/i,
    NO_CLIENT_CERTIFICATE,
  ],
  [
    /WRONG_VERSION_NUMBER|EPROTO|ERR_SSL|tls/i,
    "the handshake failed: is TLS before the greeting (--nats-tls-first) the same on both sides?",
  ],
];

/**
 * Why no server took a connection: `NATS_UNAUTHORIZED` if one does not know who connects, `NATS_TLS_FAILED` with what is
 * wrong with TLS, and else `NATS_UNREACHABLE`. Shows hosts and ports, and never a secret.
 */
export async function connectFailure({ servers, tls }: NatsAccess, cause: unknown): Promise<EngineError> {
  const at = servers.join(", ");
  const detail = { servers };
  if (isUnauthorized(cause)) {
    const why = /expired/i.test(textOf(cause))
      ? "the credentials have expired"
      : "it does not know this user, or the password, key or token is wrong, revoked or missing";
    const message = `the NATS server at ${at} refused the connection: ${why}; see --auth and docs/security.md`;
    return new EngineError({ code: "NATS_UNAUTHORIZED", message, retryable: false, detail, cause });
  }
  const text = textOf(cause);
  const known = TLS_FAILURES.find(([pattern]) => pattern.test(text))?.[1];
  const why = known ?? (tls === undefined ? undefined : await unsaid(servers));
  if (why !== undefined) {
    const message = `no TLS with the NATS server at ${at}: ${why} (${reasonIn(cause)})`;
    return new EngineError({ code: "NATS_TLS_FAILED", message, retryable: false, detail, cause });
  }
  const message = `no NATS server at ${at} accepted the connection: ${reasonIn(cause)}`;
  return new EngineError({ code: "NATS_UNREACHABLE", message, retryable: true, detail, cause });
}

/** A server that does not take the client's certificate hangs up without a word once TLS 1.3 is agreed. */
async function unsaid(servers: readonly string[]): Promise<string | undefined> {
  const greeting = await greetingOf(servers[0] ?? "");
  return greeting?.tls_verify === true ? NO_CLIENT_CERTIFICATE : undefined;
}

function isUnauthorized(thrown: unknown): boolean {
  if (thrown instanceof errors.AuthorizationError || thrown instanceof errors.UserAuthenticationExpiredError)
    return true;
  return thrown instanceof Error && thrown.cause !== undefined && isUnauthorized(thrown.cause);
}

function reasonIn(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Codes and messages of an error and of what caused it. */
function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const code = "code" in thrown ? String(thrown.code) : "";
  return `${code} ${thrown.message} ${thrown.cause === undefined ? "" : textOf(thrown.cause)}`;
}
