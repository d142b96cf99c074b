import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { NatsIdentity } from "../../adapters/nats-access.ts";
import { inboxPrefixOf, type Role } from "../../events/roles.ts";
import { EngineError } from "../../kernel/engine-error.ts";

/** The file in a client's folder that says what the others are. */
export const CLIENT_FILE = "client.json";
/** The file in the folder above that tells what `resonance auth` has made. */
export const AUTH_FILE = "auth.json";
/** What a server includes in its configuration, in the folder above. */
export const SERVER_AUTH_FILE = join("server", "auth.conf");

/** What a client's folder holds: names of files in it. */
export type ClientFile = Readonly<{
  role: Role;
  /** First word of the engine's subjects. */
  prefix: string;
  nkey?: string;
  creds?: string;
  ca?: string;
  lock?: string;
}>;

/**
 * Who connects with a folder that `resonance auth init` has made for a client.
 *
 * @throws EngineError `NO_SUCH_AUTH` if there is none; `AUTH_ROLE_NEEDED` for the folder of all of them.
 */
export async function readClientFolder(folder: string): Promise<NatsIdentity> {
  const text = await readFile(join(folder, CLIENT_FILE), "utf8").catch(() => undefined);
  if (text === undefined) throw await noClient(folder);
  const { role, prefix, nkey, creds, ca, lock } = JSON.parse(text) as ClientFile;
  return {
    inboxPrefix: inboxPrefixOf(role),
    signs: prefix,
    ...(nkey === undefined ? {} : { nkeyFile: join(folder, nkey) }),
    ...(creds === undefined ? {} : { credentialsFile: join(folder, creds) }),
    ...(ca === undefined ? {} : { tls: { caFile: join(folder, ca) } }),
    ...(lock === undefined ? {} : { lockFile: join(folder, lock) }),
  };
}

/** Whether a folder is the one of all clients and the server. */
export async function isAuthFolder(folder: string): Promise<boolean> {
  return access(join(folder, AUTH_FILE)).then(
    () => true,
    () => false,
  );
}

async function noClient(folder: string): Promise<EngineError> {
  if (await isAuthFolder(folder)) {
    const message = `${folder} holds several roles: name one, such as --auth ${join(folder, "reader")}`;
    return new EngineError({ code: "AUTH_ROLE_NEEDED", message, retryable: false });
  }
  const message = `${folder} is no folder of a client (it has no ${CLIENT_FILE}): make one with "resonance auth init"`;
  return new EngineError({ code: "NO_SUCH_AUTH", message, retryable: false });
}
