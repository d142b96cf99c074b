import { encodeAccount, encodeOperator, encodeUser, fmtCreds } from "@nats-io/jwt";
import { createAccount, createOperator, fromPublic, fromSeed, type KeyPair } from "@nats-io/nkeys";
import { permissionsOf, type Role } from "../../events/roles.ts";
import type { AuthState } from "./auth-state.ts";
import type { AccountTokens } from "./server-config.ts";

/**
 * What the tokens of a deployment are signed with: whoever has the seeds can make any user. The two tokens are made
 * once, since a running server takes no others.
 */
export type Signing = Readonly<{
  operator: string;
  account: string;
  operatorToken: string;
  system: Readonly<{ key: string; token: string }>;
}>;

/** Nothing is limited here: `-1` is NATS's word for that. */
const UNLIMITED = {
  subs: -1,
  data: -1,
  payload: -1,
  imports: -1,
  exports: -1,
  wildcards: true,
  conn: -1,
  leaf: -1,
} as const;
const STREAMS = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 } as const;

/** New keys for a deployment. */
export async function makeSigning(prefix: string): Promise<Signing> {
  const [operator, account, system] = [createOperator(), createAccount(), createAccount()];
  const key = system.getPublicKey();
  return {
    operator: seedText(operator),
    account: seedText(account),
    operatorToken: await encodeOperator(nameOf(prefix), operator, { system_account: key }),
    system: {
      key,
      token: await encodeAccount("SYS", system, { limits: { ...UNLIMITED } }, { signer: operator }),
    },
  };
}

/** The tokens that a server needs to know of; revoked users are in the account's. */
export async function accountTokens(signing: Signing, state: AuthState): Promise<AccountTokens> {
  const account = pairOf(signing.account);
  // A revocation holds for tokens made up to its second, so that one of the same second is caught, too.
  const revocations = Object.fromEntries(
    state.keys.flatMap(({ key, revokedAtMs }) =>
      revokedAtMs === undefined ? [] : [[key, Math.ceil(revokedAtMs / 1_000) + 1]],
    ),
  );
  const limits = { ...UNLIMITED, ...STREAMS };
  const token = await encodeAccount(
    nameOf(state.prefix),
    account,
    { limits, revocations },
    { signer: pairOf(signing.operator) },
  );
  return {
    operator: signing.operatorToken,
    account: { key: account.getPublicKey(), token },
    system: signing.system,
  };
}

function nameOf(prefix: string): string {
  return `${prefix} (Resonance)`;
}

/** A user's credentials, as NATS clients read them: a token with what the role may do, and the key. */
export async function userCredentials(
  user: Readonly<{ name: string; role: Role; pair: KeyPair }>,
  signing: Readonly<{ account: string; prefix: string; expiresAtMs: number | null }>,
): Promise<Uint8Array> {
  const { publish, subscribe } = permissionsOf(user.role, signing.prefix);
  const token = await encodeUser(
    user.name,
    fromPublic(user.pair.getPublicKey()),
    pairOf(signing.account),
    { pub: { allow: [...publish] }, sub: { allow: [...subscribe] }, subs: -1, data: -1, payload: -1 },
    signing.expiresAtMs === null ? {} : { exp: Math.floor(signing.expiresAtMs / 1_000) },
  );
  return fmtCreds(token, user.pair);
}

/** A key pair's seed as text. */
export function seedText(pair: KeyPair): string {
  return new TextDecoder().decode(pair.getSeed());
}

function pairOf(seed: string): KeyPair {
  return fromSeed(new TextEncoder().encode(seed));
}
