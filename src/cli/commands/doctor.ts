import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import pc from "picocolors";
import { toWireError } from "../../kernel/engine-error.ts";
import { type ClientOptions, connectClient, ENDPOINT_FILE } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { judgeDeployment, judgeFolder } from "../doctor/deployment-check.ts";
import { type DoctorCheck, judgeMachine } from "../doctor/doctor-check.ts";
import { examineDeployment, examineFolder } from "../doctor/examine-deployment.ts";
import { examineMachine } from "../doctor/examine-machine.ts";
import { print, runs } from "../output.ts";

const MARKS = { ok: pc.green("ok  "), warn: pc.yellow("warn"), fail: pc.red("fail") } as const;

type Options = ClientOptions & Readonly<{ json: boolean; httpKeys?: string }>;

/** `resonance doctor`: whether this machine has what a node needs, and whether a deployment is as it should be. */
export function addDoctorCommand(program: Command): void {
  withClientOptions(program.command("doctor"))
    .description(
      "look whether this machine has what a node and a training need, and whether a deployment is well",
    )
    .option("--http-keys <file>", "file of the HTTP intake's keys whose permissions are looked at, too")
    .addHelpText(
      "after",
      "\nA deployment is looked at if --nats names it, or a node runs on --data; with --auth, use a node's part to see streams.\nThe exit status is 1 if something is amiss that nodes can't do without.",
    )
    .action(
      runs(async (options: Options) => {
        const machine = judgeMachine(await examineMachine(options.data));
        const checks = [...machine, ...(await deploymentChecks(options))];
        const isFit = checks.every(({ state }) => state !== "fail");
        print(options.json, { fit: isFit, checks }, () => checks.flatMap(draw));
        if (!isFit) process.exitCode = 1;
      }),
    );
}

/** What there is to say of the deployment and its folder; nothing where there is neither. */
async function deploymentChecks(options: Options): Promise<DoctorCheck[]> {
  const keyFiles = [
    ...[options.httpKeys, options.natsCreds, options.natsNkey, options.natsKey],
    ...[options.natsPasswordFile, options.natsTokenFile],
  ].filter((file) => file !== undefined);
  const isHere = existsSync(options.data);
  const isRunning = options.nats !== undefined || existsSync(join(options.data, ENDPOINT_FILE));
  if (!isRunning) return isHere ? judgeFolder(await examineFolder(options.data, undefined, keyFiles)) : [];
  const client = await connectClient(options, "resonance doctor").catch((thrown: unknown) =>
    toWireError(thrown),
  );
  if ("code" in client) {
    const { code, message } = client;
    const advice = "see that it runs, and who may connect (--nats, --auth)";
    return [{ name: "NATS", state: "fail", code, found: message, advice }];
  }
  try {
    const facts = await examineDeployment(client, client.access, options.prefix);
    const folder = isHere ? judgeFolder(await examineFolder(options.data, facts.deployment, keyFiles)) : [];
    return [...judgeDeployment(facts), ...folder];
  } finally {
    await client.close();
  }
}

function draw({ name, state, code, found, advice }: DoctorCheck): string[] {
  const line = `${MARKS[state]} ${name.padEnd(13)} ${found}`;
  return advice === undefined ? [line] : [line, `     ${" ".repeat(13)} ${code}: ${advice}`];
}
