import { readFile } from "node:fs/promises";
import { InvalidArgumentError } from "commander";
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { EngineError } from "../../kernel/engine-error.ts";
import { nearestWord } from "./nearest-word.ts";
import type { Setting } from "./node-settings.ts";
import { withoutSecrets } from "./setting-text.ts";

/** What is wrong at a place of a configuration, and what to do. */
export type ConfigProblem = Readonly<{
  code: "BAD_CONFIG_FILE" | "UNKNOWN_OPTION" | "BAD_OPTION";
  /** `file:line:column`, or the name of a variable. */
  place: string;
  message: string;
}>;

/** A value of a file, with where it stands. */
export type FileValue = Readonly<{ setting: Setting; value: unknown; place: string }>;

export type ConfigFile = Readonly<{ values: readonly FileValue[]; problems: readonly ConfigProblem[] }>;

/**
 * Reads a file of options, YAML or JSON: `name: value`, by the names of the command line. All that is wrong with it is told,
 * not only the first.
 *
 * @throws EngineError `BAD_CONFIG_FILE` if it can't be opened.
 */
export async function readConfigFile(path: string, settings: readonly Setting[]): Promise<ConfigFile> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    const message = `${path} can't be read (${(cause as NodeJS.ErrnoException).code}): name another file with --config`;
    throw new EngineError({ code: "BAD_CONFIG_FILE", message, retryable: false, cause });
  });
  return parseConfig(text, path, settings);
}

/** As {@link readConfigFile}, of a text. */
export function parseConfig(text: string, path: string, settings: readonly Setting[]): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeAt = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const problems: ConfigProblem[] = document.errors.map(({ message, pos }) => ({
    code: "BAD_CONFIG_FILE",
    place: placeAt(pos[0]),
    message: `neither YAML nor JSON: ${message}`,
  }));
  const { contents } = document;
  if (problems.length > 0 || contents === null) return { values: [], problems };
  if (!isMap(contents)) {
    const message = "options are written as `name: value`, a line each";
    return { values: [], problems: [{ code: "BAD_CONFIG_FILE", place: placeAt(0), message }] };
  }
  const values: FileValue[] = [];
  for (const pair of contents.items as Pair<Node, Node | null>[]) {
    const name = isScalar(pair.key) ? String(pair.key.value) : "";
    const place = placeAt(pair.key.range?.[0] ?? 0);
    const setting = settings.find((one) => one.name === name);
    if (setting === undefined) {
      problems.push({ code: "UNKNOWN_OPTION", place, message: unknown(name, settings) });
      continue;
    }
    const valuePlace = placeAt(pair.value?.range?.[0] ?? pair.key.range?.[0] ?? 0);
    const read = readValue(setting, pair.value);
    if ("message" in read)
      problems.push({ code: "BAD_OPTION", place: valuePlace, message: `${name}: ${read.message}` });
    else values.push({ setting, value: read.value, place: valuePlace });
  }
  return { values, problems };
}

/** The value of a setting, or what is wrong with a text for it. */
export function readSetting(
  setting: Setting,
  text: string,
): Readonly<{ value: unknown }> | Readonly<{ message: string }> {
  try {
    return { value: setting.parse(text) };
  } catch (thrown) {
    if (!(thrown instanceof InvalidArgumentError)) throw thrown;
    return { message: `${JSON.stringify(withoutSecrets(text))} won't do: ${thrown.message}` };
  }
}

function readValue(
  setting: Setting,
  node: Node | null,
): Readonly<{ value: unknown }> | Readonly<{ message: string }> {
  const items = isSeq(node) ? node.items : [node];
  const texts = items.map((item) => (isScalar(item) && item.value !== null ? String(item.value) : undefined));
  if (texts.includes(undefined) || texts.length === 0)
    return {
      message: `${setting.shape === "" ? "true or false" : setting.shape} is missing: leave the line out for the default`,
    };
  return readSetting(setting, texts.join(","));
}

function unknown(name: string, settings: readonly Setting[]): string {
  const names = settings.map((one) => one.name);
  const spelled = name
    .replace(/([a-z])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();
  const meant = nearestWord(spelled.replace(/^no-/, ""), names);
  const advice = meant === undefined ? "`resonance config print` lists all" : `did you mean ${meant}?`;
  return `there is no option ${JSON.stringify(name)}: ${advice}`;
}
