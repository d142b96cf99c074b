import { join } from "node:path";
import { type Command, Option } from "commander";
import { ROLES, type Role } from "../../events/roles.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import type { AuthMode, AuthState } from "../auth/auth-state.ts";
import { keysTaken } from "../auth/auth-state.ts";
import { roleRows, roleTable } from "../auth/role-table.ts";
import { durationMs } from "../client-options.ts";
import { print, runs } from "../output.ts";

type Folder = Readonly<{ out: string; json: boolean }>;

const DEFAULT_FOLDER = "resonance-auth";

/** `resonance auth`: who may connect to NATS, and to do what. @returns The command, for more below it. */
export function addAuthCommand(program: Command): Command {
  const command = program
    .command("auth")
    .description(
      "make and change the users, permissions and certificates of a deployment (docs/security.md)",
    );
  withFolder(command.command("init"))
    .description("make a user for each role, and the NATS server's configuration for them")
    .addOption(
      new Option(
        "--mode <mode>",
        "users: keys in the server's configuration; jwt: tokens that an account signs",
      )
        .choices(["users", "jwt"])
        .default("users"),
    )
    .option("--tls", "make an authority and a server's certificate, too", false)
    .option("--host <names...>", "further names or addresses of the servers, for their certificate")
    .option("--prefix <word>", "first word of the engine's subjects", DEFAULT_NODE_OPTIONS.prefix)
    .option("--expires <duration>", "with --mode jwt: how long credentials count, such as 90d", durationMs)
    .action(
      runs(async (options: Folder & InitGiven) => {
        if (options.expires !== undefined && options.mode !== "jwt") {
          const message = "--expires is of tokens: it needs --mode jwt";
          throw new EngineError({ code: "OPTION_MISSING", message, retryable: false });
        }
        const { initAuth } = await import("../auth/write-auth.ts"); // Loaded only here: few commands need it.
        const state = await initAuth(options.out, {
          mode: options.mode,
          prefix: options.prefix,
          tls: options.tls,
          hosts: options.host ?? [],
          expiresMs: options.expires ?? null,
        });
        print(options.json, told(options.out, state), () => drawMade(options.out, state));
      }),
    );
  command
    .command("roles")
    .description("print which role may do what with which subject, as a table")
    .option("--prefix <word>", "first word of the engine's subjects", DEFAULT_NODE_OPTIONS.prefix)
    .option("--json", "print one JSON object", false)
    .action(
      runs(async ({ prefix, json }: { prefix: string; json: boolean }) =>
        print(json, { subjects: roleRows(prefix) }, () => roleTable(prefix)),
      ),
    );
  withFolder(command.command("add").argument("<user>", "name of the user, and of its folder"))
    .description("make one more user of a role")
    .addOption(new Option("--role <role>", "what the user may do").choices(ROLES).makeOptionMandatory())
    .action(
      runs(async (user: string, options: Folder & { role: Role }) => {
        const { addAuthUser } = await import("../auth/write-auth.ts");
        const state = await addAuthUser(options.out, user, options.role);
        print(options.json, told(options.out, state), () => [
          `${user} may connect with --auth ${join(options.out, user)}`,
          ...RELOAD,
        ]);
      }),
    );
  withFolder(command.command("rotate").argument("<user>", "whose key is replaced"))
    .description("give a user a new key; the former one counts until `revoke --former`")
    .action(
      runs(async (user: string, options: Folder) => {
        const { rotateAuthUser } = await import("../auth/write-auth.ts");
        const state = await rotateAuthUser(options.out, user);
        print(options.json, told(options.out, state), () => [
          `${user} has a new key: who runs with it takes it at the next reconnect`,
          ...RELOAD,
          `then: resonance auth revoke ${user} --former --out ${options.out}`,
        ]);
      }),
    );
  withFolder(command.command("revoke").argument("<user>", "whose keys are taken away"))
    .description(
      "take a user's keys away: the server cuts the user off once it reads its configuration again",
    )
    .option("--former", "only those that were replaced", false)
    .action(
      runs(async (user: string, options: Folder & { former: boolean }) => {
        const { revokeAuthUser } = await import("../auth/write-auth.ts");
        const state = await revokeAuthUser(options.out, user, options.former ? "former" : "all");
        print(options.json, told(options.out, state), () => [
          options.former ? `${user} has one key only` : `${user} is nobody any more`,
          ...RELOAD,
        ]);
      }),
    );
  return command;
}

type InitGiven = Readonly<{
  mode: AuthMode;
  tls: boolean;
  host?: string[];
  prefix: string;
  expires?: number;
}>;

const RELOAD = [
  "a server that `resonance up --auth` runs takes it by itself; others: nats-server --signal reload (or SIGHUP)",
];

function withFolder(command: Command): Command {
  return command
    .option("--out <folder>", "the folder of all users and the server", DEFAULT_FOLDER)
    .option("--json", "print one JSON object", false);
}

/** What a program wants to know: names of files, and no secret. */
function told(folder: string, state: AuthState): unknown {
  const { mode, prefix, hosts } = state;
  const users = [...new Map(keysTaken(state).map(({ user, role }) => [user, role]))];
  return {
    folder,
    mode,
    prefix,
    tls: hosts.length > 0,
    hosts,
    server: join(folder, "server"),
    users: users.map(([user, role]) => ({ user, role, folder: join(folder, user) })),
    keys: state.keys,
  };
}

function drawMade(folder: string, state: AuthState): string[] {
  const clients = keysTaken(state).map(({ user }) => `  --auth ${join(folder, user)}`);
  return [
    `${folder} holds a user for each role${state.hosts.length > 0 ? ", and certificates" : ""}; its files are for your eyes only`,
    ...clients,
    `a node with a server of its own: resonance up --auth ${folder}`,
    `a server beside the nodes: include ${join(folder, "server", "auth.conf")} in its configuration (docs/security.md),`,
    `  then: resonance up --nats URL --auth ${join(folder, "node")}`,
    `keep ${join(folder, "keys")} and this folder away from machines that need only one user: copy that user's folder there`,
  ];
}
