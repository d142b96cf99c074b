import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Role } from "../../events/roles.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { AUTH_FILE } from "./client-folder.ts";

/** How users are known to the server: by keys in its configuration, or by JWTs that an account has signed. */
export type AuthMode = "users" | "jwt";

/** A key that one user has, or had. */
export type AuthKey = Readonly<{
  /** The user's name, which is also the folder's. */
  user: string;
  role: Role;
  /** Public nkey. */
  key: string;
  /** `former`: it was replaced, and is taken until it is revoked. */
  state: "current" | "former" | "revoked";
  madeAtMs: number;
  revokedAtMs?: number;
}>;

/** What `resonance auth` has made, without any secret. */
export type AuthState = Readonly<{
  version: 1;
  mode: AuthMode;
  prefix: string;
  /** Names under which servers are reached, for their certificate; empty without TLS. */
  hosts: readonly string[];
  /** How long a JWT counts, ms; null for ever. */
  expiresMs: number | null;
  keys: readonly AuthKey[];
}>;

/** @throws EngineError `NO_SUCH_AUTH`. */
export async function readAuthState(folder: string): Promise<AuthState> {
  try {
    return JSON.parse(await readFile(join(folder, AUTH_FILE), "utf8")) as AuthState;
  } catch (cause) {
    const message = `${folder} holds nothing that "resonance auth init" has made`;
    throw new EngineError({ code: "NO_SUCH_AUTH", message, retryable: false, cause });
  }
}

/** The keys that a server has to take. */
export function keysTaken(state: AuthState): readonly AuthKey[] {
  return state.keys.filter((key) => key.state !== "revoked");
}
