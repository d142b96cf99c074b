import type { Command } from "commander";
import pc from "picocolors";
import { toWireError } from "../../kernel/engine-error.ts";
import { applyConfiguration, badConfiguration, type Configured } from "../config/apply-configuration.ts";
import { configurationPage } from "../config/configuration-page.ts";
import { settingsOf } from "../config/node-settings.ts";
import { type ConfigProblem, type FileValue, readConfigFile } from "../config/read-config-file.ts";
import { settingText, withoutSecrets } from "../config/setting-text.ts";
import { type NodeCommandOptions, withNodeOptions } from "../node-command-options.ts";
import { print, runs } from "../output.ts";
import { readContentFile } from "../read-content-file.ts";
import { readDefinitions } from "../read-definitions.ts";
import { readPolicyFile } from "../read-policy-file.ts";

/** Of the environment alone, so that no file and no list of processes holds them. */
const SECRET_VARIABLES = ["RESONANCE_NATS_PASSWORD", "RESONANCE_NATS_TOKEN", "RESONANCE_HTTP_KEYS"];

/** `resonance config`: what a node would run with, and why. */
export function addConfigCommand(program: Command): void {
  const config = program.command("config").description("tell and check the options of a node");
  withNodeOptions(config.command("print"))
    .description("print every option of a node as it would be in force, as a file that --config takes")
    .option("--origin", "tell of each where it comes from: a flag, a variable, a file, or the default", false)
    .option("--json", "print one JSON object", false)
    .addHelpText("after", "\nIt takes the options of `resonance up`, and prints no secrets.")
    .action(
      runs(async (options: NodeCommandOptions & { origin: boolean; json: boolean }, command: Command) => {
        const configured = await applyConfiguration(command);
        print(options.json, { options: configured.map(described), secrets: secretsGiven() }, () =>
          draw(configured, options.origin),
        );
      }),
    );
  config
    .command("check")
    .argument("<file>", "YAML or JSON file of options")
    .description("look whether a file of options would be taken, and the files that it names")
    .option("--json", "print one JSON object", false)
    .action(
      runs(async (path: string, options: { json: boolean }) => {
        const { values, problems } = await readConfigFile(path, nodeSettings());
        const all = problems.length > 0 ? problems : await problemsOfFiles(values);
        if (all.length > 0) throw badConfiguration(all);
        print(options.json, { ok: true, options: values.length }, () => [
          `${path} will do: ${values.length} options`,
        ]);
      }),
    );
  config
    .command("reference")
    .description("print the page of all options, as Markdown (docs/configuration.md)")
    .action(runs(async () => print(false, null, () => [configurationPage(nodeSettings()).trimEnd()])));

  /** Of a command that takes them all. */
  function nodeSettings() {
    const [taking] = config.commands;
    return taking === undefined ? [] : settingsOf(taking);
  }
}

function described({ setting, value, origin, place }: Configured): Readonly<Record<string, unknown>> {
  return {
    name: setting.name,
    value: textOf(setting, value) ?? null,
    origin,
    ...(place === undefined ? {} : { place }),
  };
}

function textOf({ shape }: Configured["setting"], value: unknown): string | undefined {
  const text = settingText(value, shape);
  return text === undefined ? undefined : withoutSecrets(text);
}

function draw(configured: readonly Configured[], withOrigin: boolean): string[] {
  const lines = configured.map((one): [text: string, from: string] => {
    const { setting, origin, place } = one;
    const text = textOf(setting, one.value);
    const line = text === undefined ? `# ${setting.name}:` : `${setting.name}: ${quoted(text)}`;
    return [line, place ?? (origin === "flag" ? `--${setting.name}` : origin)];
  });
  const width = Math.max(...lines.map(([line]) => line.length));
  const secrets = secretsGiven().map((name) => `# ${name} is set, and not shown`);
  return [
    ...lines.map(([line, from]) => (withOrigin ? `${line.padEnd(width)}  ${pc.dim(`# ${from}`)}` : line)),
    ...secrets,
  ];
}

/** What YAML would read as something else than this text is quoted. */
function quoted(text: string): string {
  return /^[A-Za-z0-9_./][A-Za-z0-9_./:,@-]*$/.test(text) && !/:$/.test(text) ? text : JSON.stringify(text);
}

function secretsGiven(): readonly string[] {
  return SECRET_VARIABLES.filter((name) => (process.env[name] ?? "") !== "");
}

/** What is wrong with the files that a configuration names. */
async function problemsOfFiles(values: readonly FileValue[]): Promise<ConfigProblem[]> {
  const named = new Map(values.map((one) => [one.setting.name, one]));
  const problems: ConfigProblem[] = [];
  const look = async <Content>(name: string, read: (path: string) => Promise<Content>) => {
    const held = named.get(name);
    if (held === undefined) return undefined;
    try {
      return await read(String(held.value));
    } catch (thrown) {
      const { code, message } = toWireError(thrown);
      problems.push({ code: "BAD_OPTION", place: held.place, message: `${name}: ${code}: ${message}` });
      return undefined;
    }
  };
  const maps = await look("segments", readDefinitions);
  await look("content", (path) => readContentFile(path, maps));
  await look("policy", readPolicyFile);
  return problems;
}
