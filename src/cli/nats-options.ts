import { type Command, Option } from "commander";
import { hasIdentity, type NatsIdentity } from "../adapters/nats-access.ts";
import { readClientFolder } from "./auth/client-folder.ts";

/** How a command connects to NATS, as its options tell it. */
export type NatsOptions = Readonly<{
  auth?: string;
  natsCreds?: string;
  natsNkey?: string;
  natsUser?: string;
  natsPasswordFile?: string;
  natsTokenFile?: string;
  natsCa?: string;
  natsCert?: string;
  natsKey?: string;
  natsTlsFirst?: boolean;
  natsInbox?: string;
}>;

const GROUP = "Connection to NATS:";
const FLAGS: readonly (readonly [flags: string, text: string, variable: string])[] = [
  [
    "--auth <folder>",
    "who connects: a folder that `resonance auth init` has made, such as auth/reader",
    "RESONANCE_AUTH",
  ],
  ["--nats-creds <file>", "a user's JWT and key", "RESONANCE_NATS_CREDS"],
  ["--nats-nkey <file>", "the seed of a user's nkey", "RESONANCE_NATS_NKEY"],
  [
    "--nats-user <name>",
    "a user with a password: in a file, or in RESONANCE_NATS_PASSWORD",
    "RESONANCE_NATS_USER",
  ],
  ["--nats-password-file <file>", "the user's password", "RESONANCE_NATS_PASSWORD_FILE"],
  ["--nats-token-file <file>", "a token (or in RESONANCE_NATS_TOKEN)", "RESONANCE_NATS_TOKEN_FILE"],
  [
    "--nats-ca <file>",
    "certificates of the authorities that are trusted; TLS is a must with it",
    "RESONANCE_NATS_CA",
  ],
  ["--nats-cert <file>", "the client's certificate", "RESONANCE_NATS_CERT"],
  ["--nats-key <file>", "the key of the client's certificate", "RESONANCE_NATS_KEY"],
  [
    "--nats-tls-first",
    "TLS comes before the server's greeting (its handshake_first)",
    "RESONANCE_NATS_TLS_FIRST",
  ],
  ["--nats-inbox <word>", "first word of the subjects that answers come to", "RESONANCE_NATS_INBOX"],
];

/** Adds the options of a connection to NATS; each may come from the environment instead. */
export function withNatsOptions(command: Command): Command {
  for (const [flags, text, variable] of FLAGS)
    command.addOption(new Option(flags, text).env(variable).helpGroup(GROUP));
  return command;
}

/** `--nats`, or the variable RESONANCE_NATS_URL: there a password in it is not seen in the list of processes. */
export function natsUrlOption(flags: string, text: string): Option {
  return new Option(flags, text).env("RESONANCE_NATS_URL").helpGroup(GROUP);
}

/**
 * Who connects, and how: an option goes before what its folder says, and both before secrets of the environment.
 *
 * @throws EngineError `NO_SUCH_AUTH`, `AUTH_ROLE_NEEDED`.
 */
export async function identityOf(
  options: NatsOptions,
  env: NodeJS.ProcessEnv = process.env,
): Promise<NatsIdentity> {
  const given = namedIn(options);
  const folder = options.auth === undefined ? {} : await readClientFolder(options.auth);
  const tls = { ...folder.tls, ...given.tls };
  // Two who connect at once would be nobody: the options' own stands alone.
  const who = hasIdentity(given) ? { ...withoutUser(folder), ...given } : { ...folder, ...given };
  const secrets = {
    ...(who.user !== undefined &&
    who.passwordFile === undefined &&
    env["RESONANCE_NATS_PASSWORD"] !== undefined
      ? { password: env["RESONANCE_NATS_PASSWORD"] }
      : {}),
    ...(!hasIdentity(who) && env["RESONANCE_NATS_TOKEN"] ? { token: env["RESONANCE_NATS_TOKEN"] } : {}),
  };
  return { ...who, ...secrets, ...(Object.keys(tls).length === 0 ? {} : { tls }) };
}

function namedIn(options: NatsOptions): NatsIdentity {
  const { natsCreds, natsNkey, natsUser, natsPasswordFile, natsTokenFile, natsInbox } = options;
  const { natsCa, natsCert, natsKey, natsTlsFirst } = options;
  const tls = {
    ...(natsCa === undefined ? {} : { caFile: natsCa }),
    ...(natsCert === undefined ? {} : { certFile: natsCert }),
    ...(natsKey === undefined ? {} : { keyFile: natsKey }),
    ...(natsTlsFirst === true ? { handshakeFirst: true } : {}),
  };
  return {
    ...(natsCreds === undefined ? {} : { credentialsFile: natsCreds }),
    ...(natsNkey === undefined ? {} : { nkeyFile: natsNkey }),
    ...(natsUser === undefined ? {} : { user: natsUser }),
    ...(natsPasswordFile === undefined ? {} : { passwordFile: natsPasswordFile }),
    ...(natsTokenFile === undefined ? {} : { tokenFile: natsTokenFile }),
    ...(natsInbox === undefined ? {} : { inboxPrefix: natsInbox }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  };
}

function withoutUser(identity: NatsIdentity): NatsIdentity {
  const { credentialsFile: _creds, nkeyFile: _nkey, user: _user, ...rest } = identity;
  return rest;
}
