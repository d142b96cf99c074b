import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createUser } from "@nats-io/nkeys";
import { newId } from "../../adapters/entropy.ts";
import { ROLES, type Role } from "../../events/roles.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { type AuthKey, type AuthMode, type AuthState, keysTaken, readAuthState } from "./auth-state.ts";
import { AUTH_FILE, CLIENT_FILE, type ClientFile, isAuthFolder, SERVER_AUTH_FILE } from "./client-folder.ts";
import { accountTokens, makeSigning, type Signing, seedText, userCredentials } from "./issue-tokens.ts";
import { type ServerTls, serverAuthConfig, serverConfig } from "./server-config.ts";

/** What to make. */
export type InitOptions = Readonly<{
  mode: AuthMode;
  prefix: string;
  tls: boolean;
  /** Further names of the servers, beside those of this machine. */
  hosts: readonly string[];
  /** How long JWTs count, ms; null for ever. */
  expiresMs: number | null;
}>;

const SIGNING_FILE = join("keys", "signing.json");
const SERVER_CERTIFICATE = join("server", "server.pem");
const SERVER_KEY = join("server", "server.key");
const LOCK_FILE = "roles.json";
const SERVER_DAYS = 825;
/** Only their owner reads and writes what is made: the files hold keys, or decide who may do what. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/**
 * Makes a user for each role, and the server's part.
 *
 * @throws EngineError `AUTH_EXISTS` if the folder holds one already.
 */
export async function initAuth(folder: string, options: InitOptions): Promise<AuthState> {
  if (await isAuthFolder(folder)) {
    const message = `${folder} was made before: "resonance auth add", "rotate" and "revoke" change it, another --out makes one beside it`;
    throw new EngineError({ code: "AUTH_EXISTS", message, retryable: false });
  }
  const { mode, prefix, expiresMs } = options;
  const hosts = options.tls ? hostsOf(options.hosts) : [];
  if (mode === "jwt")
    await writeSecret(join(folder, SIGNING_FILE), JSON.stringify(await makeSigning(prefix)));
  if (options.tls) {
    // Loaded only here: few commands need it.
    const { makeCertificates } = await import("./certificates.ts");
    const { authority, server } = await makeCertificates(hosts, SERVER_DAYS);
    await writeSecret(join(folder, "ca.pem"), authority.certificate);
    await writeSecret(join(folder, "keys", "ca.key"), authority.key);
    await writeSecret(join(folder, SERVER_CERTIFICATE), server.certificate);
    await writeSecret(join(folder, SERVER_KEY), server.key);
  }
  await writeSecret(join(folder, "server", "nats-server.conf"), serverConfig());
  let state: AuthState = { version: 1, mode, prefix, hosts, expiresMs, keys: [] };
  for (const role of ROLES) state = await withNewKey(folder, state, { user: role, role });
  await keep(folder, state);
  return state;
}

/** Makes one more user. @throws EngineError `AUTH_USER_EXISTS`, `BAD_AUTH_USER`, `NO_SUCH_AUTH`. */
export async function addAuthUser(folder: string, user: string, role: Role): Promise<AuthState> {
  const state = await readAuthState(folder);
  if (!/^[a-z0-9][a-z0-9_-]{0,31}$/.test(user) || ["keys", "server"].includes(user)) {
    const message = `a user is called by 1 to 32 small letters, digits, - and _, and not keys or server: "${user}" is not`;
    throw new EngineError({ code: "BAD_AUTH_USER", message, retryable: false });
  }
  if (keysTaken(state).some((key) => key.user === user)) {
    const message = `there is a user ${user} already: choose another name, or "resonance auth rotate ${user}"`;
    throw new EngineError({ code: "AUTH_USER_EXISTS", message, retryable: false });
  }
  return keep(folder, await withNewKey(folder, state, { user, role }));
}

/**
 * Gives a user a new key. The former one is taken until it is revoked, so that nobody is cut off meanwhile.
 *
 * @throws EngineError `NO_SUCH_AUTH_USER`, `NO_SUCH_AUTH`.
 */
export async function rotateAuthUser(folder: string, user: string): Promise<AuthState> {
  const state = await readAuthState(folder);
  const { role } = keyOf(state, user);
  const keys = state.keys.map(
    (key): AuthKey => (key.user === user && key.state === "current" ? { ...key, state: "former" } : key),
  );
  const next = { ...state, keys };
  // The server knows the new key before anybody has it.
  return withNewKey(folder, next, { user, role }, (made) => keep(folder, made));
}

/**
 * Takes a user's keys away, or the former ones only.
 *
 * @throws EngineError `NO_SUCH_AUTH_USER`, `NO_SUCH_AUTH`.
 */
export async function revokeAuthUser(
  folder: string,
  user: string,
  which: "all" | "former",
  nowMs = Date.now(),
): Promise<AuthState> {
  const state = await readAuthState(folder);
  keyOf(state, user);
  const keys = state.keys.map((key): AuthKey => {
    const isMeant =
      key.user === user && key.state !== "revoked" && (which === "all" || key.state === "former");
    return isMeant ? { ...key, state: "revoked", revokedAtMs: nowMs } : key;
  });
  if (which === "all") await rm(join(folder, user), { recursive: true, force: true });
  return keep(folder, { ...state, keys });
}

function keyOf(state: AuthState, user: string): AuthKey {
  const found = keysTaken(state).find((key) => key.user === user);
  if (found !== undefined) return found;
  const names = [...new Set(keysTaken(state).map((key) => key.user))].join(", ");
  const message = `there is no user ${user}: there are ${names}`;
  throw new EngineError({ code: "NO_SUCH_AUTH_USER", message, retryable: false });
}

/** @param before - What has to be done before the user's folder holds the new key. */
async function withNewKey(
  folder: string,
  state: AuthState,
  { user, role }: Readonly<{ user: string; role: Role }>,
  before: (made: AuthState) => Promise<unknown> = async () => {},
): Promise<AuthState> {
  const pair = createUser();
  const nowMs = Date.now();
  const key: AuthKey = { user, role, key: pair.getPublicKey(), state: "current", madeAtMs: nowMs };
  const made = { ...state, keys: [...state.keys, key] };
  await before(made);
  const { prefix, expiresMs } = state;
  const hasTls = state.hosts.length > 0;
  const own = join(folder, user);
  if (state.mode === "jwt") {
    const { account } = await signingOf(folder);
    const expiresAtMs = expiresMs === null ? null : nowMs + expiresMs;
    const credentials = await userCredentials({ name: user, role, pair }, { account, prefix, expiresAtMs });
    await writeSecret(join(own, "user.creds"), credentials);
  } else await writeSecret(join(own, "user.nk"), `${seedText(pair)}\n`);
  if (hasTls) await writeSecret(join(own, "ca.pem"), await readFile(join(folder, "ca.pem")));
  const client: ClientFile = {
    role,
    prefix,
    ...(state.mode === "jwt" ? { creds: "user.creds" } : { nkey: "user.nk" }),
    ...(hasTls ? { ca: "ca.pem" } : {}),
    ...(role === "node" ? { lock: LOCK_FILE } : {}),
  };
  await writeSecret(join(own, CLIENT_FILE), `${JSON.stringify(client, null, 2)}\n`);
  return made;
}

/** Writes what the server and the nodes know of all users. */
async function keep(folder: string, state: AuthState): Promise<AuthState> {
  await writeSecret(join(folder, AUTH_FILE), `${JSON.stringify(state, null, 2)}\n`);
  const keys = Object.fromEntries(keysTaken(state).map(({ key, role }) => [key, role]));
  const nodes = new Set(keysTaken(state).flatMap(({ user, role }) => (role === "node" ? [user] : [])));
  for (const node of nodes)
    await writeSecret(
      join(folder, node, LOCK_FILE),
      `${JSON.stringify({ prefix: state.prefix, keys }, null, 2)}\n`,
    );
  const tls: ServerTls | undefined =
    state.hosts.length === 0
      ? undefined
      : { certFile: resolve(folder, SERVER_CERTIFICATE), keyFile: resolve(folder, SERVER_KEY) };
  const tokens = state.mode === "jwt" ? await accountTokens(await signingOf(folder), state) : undefined;
  const text = serverAuthConfig(state, {
    ...(tokens === undefined ? {} : { tokens }),
    ...(tls === undefined ? {} : { tls }),
  });
  await writeSecret(join(folder, SERVER_AUTH_FILE), text);
  return state;
}

async function signingOf(folder: string): Promise<Signing> {
  return JSON.parse(await readFile(join(folder, SIGNING_FILE), "utf8")) as Signing;
}

/** Names under which a server on this machine is reached, and those that are given. */
function hostsOf(given: readonly string[]): string[] {
  return [...new Set(["localhost", "127.0.0.1", "::1", hostname(), ...given])];
}

/** Replaces a file in one step: whoever reads it meanwhile gets the old content or the new. */
async function writeSecret(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  const beside = `${path}.${newId()}`;
  await writeFile(beside, content, { mode: FILE_MODE });
  await rename(beside, path);
}
