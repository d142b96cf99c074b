import { type Permissions, permissionsOf } from "../../events/roles.ts";
import { type AuthState, keysTaken } from "./auth-state.ts";

/** JWTs of a deployment's operator and accounts. */
export type AccountTokens = Readonly<{
  operator: string;
  account: Readonly<{ key: string; token: string }>;
  system: Readonly<{ key: string; token: string }>;
}>;

/** Files of a server's certificate. */
export type ServerTls = Readonly<{ certFile: string; keyFile: string }>;

const TLS_TIMEOUT_S = 5;

/**
 * The part of a NATS server's configuration that says who may connect, and to do what. Users by key stay in the global
 * account, so that a server's streams are there as before.
 */
export function serverAuthConfig(
  state: AuthState,
  { tokens, tls }: Readonly<{ tokens?: AccountTokens; tls?: ServerTls }>,
): string {
  const lines = ["# Made by `resonance auth`: changes are lost at its next change."];
  if (tokens !== undefined) lines.push(...operatorLines(tokens));
  else lines.push(...userLines(state));
  if (tls !== undefined)
    lines.push(
      "tls {",
      `  cert_file: ${JSON.stringify(tls.certFile)}`,
      `  key_file: ${JSON.stringify(tls.keyFile)}`,
      `  timeout: ${TLS_TIMEOUT_S}`,
      "}",
    );
  return `${lines.join("\n")}\n`;
}

/** A whole configuration around it, for a server that no node runs. */
export function serverConfig(): string {
  return [
    "# A start: put in addresses, a cluster and limits as you need them, then: nats-server -c nats-server.conf",
    "port: 4222",
    "jetstream {",
    '  store_dir: "jetstream"',
    "}",
    'include "auth.conf"',
    "",
  ].join("\n");
}

function userLines(state: AuthState): string[] {
  const users = keysTaken(state).flatMap(({ user, role, key }) => [
    `    # ${user}: ${role}`,
    "    {",
    `      nkey: ${key}`,
    "      permissions {",
    ...permissionLines(permissionsOf(role, state.prefix)),
    "      }",
    "    }",
  ]);
  return ["authorization {", "  users: [", ...users, "  ]", "}"];
}

function permissionLines({ publish, subscribe }: Permissions): string[] {
  const list = (name: string, subjects: readonly string[]): string =>
    `        ${name}: { allow: [${subjects.map((subject) => JSON.stringify(subject)).join(", ")}] }`;
  return [list("publish", publish), list("subscribe", subscribe)];
}

function operatorLines({ operator, account, system }: AccountTokens): string[] {
  return [
    `operator: ${operator}`,
    `system_account: ${system.key}`,
    "resolver: MEMORY",
    "resolver_preload: {",
    `  ${account.key}: ${account.token}`,
    `  ${system.key}: ${system.token}`,
    "}",
  ];
}
