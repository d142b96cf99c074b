import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Command, Option } from "commander";
import { entropyBytes } from "../../adapters/entropy.ts";
import { readKeysFile, writeKeysFile } from "../../adapters/http-keys.ts";
import type { HttpRole } from "../../gateway/http/http-route.ts";
import { hashOfKey, type KeptKey, newKey } from "../../gateway/http/key-ring.ts";
import { parseKeys } from "../../gateway/http/parse-keys.ts";
import type { Rate } from "../../gateway/rate-limiter.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { DEFAULT_NODE_OPTIONS } from "../../node-options.ts";
import { HTTP_KEYS_FILE, rateOf, rateText } from "../http-options.ts";
import { note, print, runs } from "../output.ts";
import { renderTable } from "../view/table.ts";

type FileOptions = Readonly<{ data: string; keys?: string; json: boolean }>;
type NewOptions = FileOptions & Readonly<{ role: HttpRole; name: string; origin: string[]; rate?: Rate }>;

/** `resonance auth key`: who may use HTTP. */
export function addAuthKeyCommand(auth: Command): void {
  const key = auth
    .command("key")
    .description("make, list and take back the keys of the HTTP intake and of the console");
  withFile(key.command("new"))
    .description("make a key: it is shown once, and only its hash is kept")
    .addOption(
      new Option(
        "--role <role>",
        "what it may do: producer sends events, reader asks for scores and content, operator acts in the console",
      )
        .choices(["producer", "reader", "operator"])
        .makeOptionMandatory(),
    )
    .requiredOption("--name <word>", "what it is called in counts and lists: letters, digits, - and _")
    .option(
      "--origin <url>",
      "a site whose pages may use it, such as https://shop.example; repeat it for more",
      append,
      [],
    )
    .option("--rate <n[/burst]>", "events (a reader's: requests) a second that it may send", rateOf)
    .action(
      runs(async (options: NewOptions) => {
        const file = fileOf(options);
        const held = await readKeysFile(file);
        if (held.some(({ name }) => name === options.name)) throw taken(options.name, file);
        const { role, name, origin: origins, rate } = options;
        const shown = newKey(role, entropyBytes);
        const kept: KeptKey = { name, role, sha256: hashOfKey(shown), origins, ...(rate && { rate }) };
        const keys = [...held, kept];
        parseKeys(JSON.stringify({ keys }), "what was asked for"); // What could not be read is not written.
        await mkdir(dirname(file), { recursive: true });
        await writeKeysFile(file, keys);
        print(options.json, { key: shown, name, role, file }, () => [shown]);
        if (!options.json)
          note(`the ${role} key ${name} is kept in ${file} as a hash: this is the only time it is shown`);
      }),
    );
  withFile(key.command("list"))
    .description("list the keys, without what they are")
    .action(
      runs(async (options: FileOptions) => {
        const keys = await readKeysFile(fileOf(options));
        const told = keys.map(({ sha256, ...more }) => more);
        print(options.json, { keys: told }, () => draw(told));
      }),
    );
  withFile(key.command("revoke"))
    .description("take a key back: nodes notice within two seconds")
    .requiredOption("--name <word>", "the key's name")
    .action(
      runs(async (options: FileOptions & { name: string }) => {
        const file = fileOf(options);
        const held = await readKeysFile(file);
        const left = held.filter(({ name }) => name !== options.name);
        if (left.length === held.length) throw unknown(options.name, file);
        await writeKeysFile(file, left);
        print(options.json, { revoked: options.name, file }, () => [`${options.name} is taken back`]);
      }),
    );
}

function withFile(command: Command): Command {
  return command
    .option("--data <folder>", "the node's data folder", DEFAULT_NODE_OPTIONS.dataDir)
    .option("--keys <file>", `the file of keys (default: ${HTTP_KEYS_FILE} in the data folder)`)
    .option("--json", "print JSON", false);
}

function draw(keys: readonly Omit<KeptKey, "sha256">[]): string[] {
  const titles = ["name", "role", "origins", "rate"];
  const rows = keys.map(({ name, role, origins, rate }) => [
    name,
    role,
    origins.join(" ") || "servers only",
    rate === undefined ? "as all" : rateText(rate),
  ]);
  const columns = titles.map((title) => ({ title, align: "left" }) as const);
  return renderTable(columns, rows, process.stdout.columns ?? 100);
}

function fileOf({ data, keys }: FileOptions): string {
  return keys ?? join(data, HTTP_KEYS_FILE);
}

function append(value: string, before: string[]): string[] {
  return [...before, value];
}

function taken(name: string, file: string): EngineError<"KEY_EXISTS"> {
  const message = `a key is named ${name} in ${file} already: take it back first, or use another name`;
  return new EngineError({ code: "KEY_EXISTS", message, retryable: false });
}

function unknown(name: string, file: string): EngineError<"NO_SUCH_KEY"> {
  const message = `no key is named ${name} in ${file}: \`resonance auth key list\` shows them`;
  return new EngineError({ code: "NO_SUCH_KEY", message, retryable: false });
}
