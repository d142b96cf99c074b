import { EngineError } from "../kernel/engine-error.ts";

/** Characters of a token at most: what a session carries at most (shards/carried-session.ts), sealed, in base64url. */
export const SESSION_TOKEN_CHARS_MAX = 49_152;
/** How long a token is good for, ms. Each answer gives a new one. */
export const SESSION_TOKEN_MS = 86_400_000;

/** Seals what a visitor of whom nothing is stored carries, so that nobody but this deployment reads or makes it. */
export type SessionTokens = Readonly<{
  /** @param state - At most 30 KiB. */
  seal(state: Uint8Array, expiresMs: number): string;
  /**
   * What was sealed.
   *
   * @throws EngineError `BAD_TOKEN` for what was changed, has expired, or is of another deployment.
   */
  open(token: string, nowMs: number): Promise<Uint8Array>;
}>;

/** Whether it was changed, made up or is of elsewhere is not told: only that it has expired. */
export function badToken(why?: "expired"): EngineError {
  const message =
    why === "expired"
      ? "the token has expired: begin without one"
      : "this is no token that this deployment gave: begin without one, or send the `token` of the last answer as it came";
  return new EngineError({ code: "BAD_TOKEN", message, retryable: false });
}
