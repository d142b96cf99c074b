import { readFile, writeFile } from "node:fs/promises";
import type { Command } from "commander";
import type { CatalogueReply } from "../../gateway/content-catalogue.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import type { SegmentDefinitions } from "../../resonance/segment-map.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { note, print, runs } from "../output.ts";
import { readContentFile } from "../read-content-file.ts";
import { readDefinitions } from "../read-definitions.ts";
import { type DeploymentNames, deploymentTypes } from "../types/deployment-types.ts";

type Options = ClientOptions &
  Readonly<{ json: boolean; out?: string; check?: true; segments?: string; content?: string }>;

/** `resonance types`: what a deployment defines, as types of TypeScript. */
export function addTypesCommand(program: Command): void {
  withClientOptions(program.command("types"))
    .description("write types of TypeScript for the maps, segments, placements and contents of a deployment")
    .option("--out <file>", "write them there (default: standard output)")
    .option("--check", "write nothing: fail if the file of --out is not what would be written")
    .option("--segments <file>", "take the segments from this file, not from a running engine")
    .option("--content <file>", "with --segments: take the contents from this file")
    .action(
      runs(async (options: Options) => {
        const { check, json, out } = options;
        if (check === true && out === undefined)
          throw missing("--check needs --out FILE: the file that is to be checked");
        const types = deploymentTypes(await namesOf(options));
        if (out === undefined) return print(json, { types }, () => [types.trimEnd()]);
        const held = await readFile(out, "utf8").catch(() => undefined);
        const isCurrent = held === types;
        if (check === true && !isCurrent) throw stale(out, held === undefined);
        if (!isCurrent) await writeFile(out, types);
        if (json) print(json, { file: out, changed: !isCurrent }, () => []);
        else note(isCurrent ? `${out} is up to date` : `${out} is written`);
      }),
    );
}

/** The names in files, or else in a running engine. */
async function namesOf(options: Options): Promise<DeploymentNames> {
  const { content, segments } = options;
  if (segments !== undefined) {
    const maps = await readDefinitions(segments);
    if (content === undefined) return { maps, placements: [], items: [] };
    const { placements, contents } = await readContentFile(content, maps);
    return { maps, placements, items: contents };
  }
  if (content !== undefined) throw missing("--content needs --segments FILE: it names maps");
  const client = await connectClient(options, "resonance types");
  try {
    const [definitions, catalogue] = await Promise.all([
      client.ask("segments.get", {}),
      client.ask("content.get", {}),
    ]);
    return { ...(definitions as SegmentDefinitions), ...(catalogue as CatalogueReply) };
  } finally {
    await client.close();
  }
}

function missing(message: string): EngineError {
  return new EngineError({ code: "OPTION_MISSING", message, retryable: false });
}

function stale(file: string, isMissing: boolean): EngineError {
  const what = isMissing ? "is missing" : "is not what the deployment defines now";
  const message = `${file} ${what}: write it with "resonance types --out ${file}"`;
  return new EngineError({ code: "TYPES_STALE", message, retryable: false, detail: { file } });
}
