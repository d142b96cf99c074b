import type { Command } from "commander";
import pc from "picocolors";
import type { ContentAnswer } from "../../content/content-answer.ts";
import type { CatalogueReply } from "../../gateway/content-catalogue.ts";
import type { RatesReply } from "../../gateway/describe-rates.ts";
import { askOnce, type ClientOptions } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { readContentFile, readContentJson } from "../read-content-file.ts";
import { withoutControls } from "../view/cell-width.ts";
import { drawRates } from "../view/draw-rates.ts";
import { renderTable } from "../view/table.ts";

type Options = ClientOptions & Readonly<{ json: boolean }>;
type RatesOptions = Options & Readonly<{ placement?: string; content?: string; segment?: string }>;

/** `resonance content`: what may be shown where, how often it is clicked, and what a user is shown. */
export function addContentCommand(program: Command): void {
  const command = program
    .command("content")
    .description("put and look at what may be shown, see how often it is clicked, choose for a user");
  addPut(command);
  withClientOptions(command.command("get"))
    .description("show the catalogue in force; --json prints it in the words of a file")
    .action(
      runs(async (options: Options) => {
        const reply = (await askOnce(options, "content.get", {})) as CatalogueReply;
        print(options.json, reply, () => drawCatalogue(reply));
      }),
    );
  command
    .command("check")
    .argument("<file>", "JSON file of placements and items (docs/content.md)")
    .description("check a file without a running engine; maps are not looked at")
    .option("--json", "print one JSON object", false)
    .action(
      runs(async (file: string, options: { json: boolean }) => {
        const { placements, contents } = await readContentFile(file);
        const result = { placements: placements.length, items: contents.length };
        print(options.json, result, () => [
          `${file} is in order: ${result.placements} placements, ${result.items} items`,
        ]);
      }),
    );
  addRates(command);
  withClientOptions(
    command
      .command("choose")
      .argument("<user>", "id of the user")
      .argument("<placement>", "where it is to be shown"),
  )
    .description("choose a content for a user, now")
    .action(
      runs(async (user: string, placement: string, options: Options) => {
        const reply = (await askOnce(options, "content", { user, placement })) as ContentAnswer;
        print(options.json, reply, () => drawChoice(reply));
      }),
    );
}

function addPut(command: Command): void {
  withClientOptions(
    command.command("put").argument("<file>", "JSON file of placements and items (docs/content.md)"),
  )
    .description("put a catalogue in force, in the place of the one before")
    .action(
      runs(async (file: string, options: Options) => {
        const given = withoutVersion(await readContentJson(file));
        const reply = (await askOnce(options, "content.put", given)) as { version: number };
        print(options.json, reply, () => [`catalogue v${reply.version} is in force`]);
      }),
    );
}

/** What `get --json` printed can be put again. */
function withoutVersion(given: unknown): unknown {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
  const { version: _, ...rest } = given as Record<string, unknown>;
  return rest;
}

function addRates(command: Command): void {
  withClientOptions(command.command("rates"))
    .description("show how often each content is clicked in each segment, with 95 % credible intervals")
    .option("--placement <name>", "only this placement")
    .option("--content <id>", "only this content")
    .option("--segment <name>", "only this segment")
    .action(
      runs(async (options: RatesOptions) => {
        const { placement, content, segment } = options;
        const request = {
          ...(placement === undefined ? {} : { placement }),
          ...(content === undefined ? {} : { content }),
          ...(segment === undefined ? {} : { segment }),
        };
        const reply = (await askOnce(options, "content.rates", request)) as RatesReply;
        print(options.json, reply, () => drawRates(reply, columnsNow()));
      }),
    );
}

function drawCatalogue({ version, placements, items }: CatalogueReply): string[] {
  if (version === 0) return ["no catalogue is in force yet: resonance content put FILE"];
  const rows = placements.map(({ name, map, policy, floor, timeout }) => [
    name,
    map,
    policy,
    String(items.filter((item) => item.placements.includes(name)).length),
    `${(100 * floor).toFixed(1)} %`,
    `${timeout / 60_000} min`,
  ]);
  const titles = [
    { title: "placement" },
    { title: "map" },
    { title: "policy" },
    { title: "items", align: "right" },
    { title: "explores", align: "right" },
    { title: "time-out", align: "right" },
  ] as const;
  return [`catalogue v${version}: ${items.length} items`, ...renderTable(titles, rows, columnsNow())];
}

function drawChoice(answer: ContentAnswer): string[] {
  const { user, placement, content, segment, arm, basis, propensity, versions, decision } = answer;
  const what = content === null ? pc.dim("nothing may be shown") : pc.bold(withoutControls(content));
  const why = content === null ? "" : ` with a probability of ${(100 * propensity).toFixed(1)} %`;
  return [
    `${withoutControls(user)} at ${withoutControls(placement)}: ${what}${why}`,
    `by ${arm} on ${basis}, ${segment === null ? "no segment is likeliest" : `likeliest ${withoutControls(segment)}`}`,
    pc.dim(`catalogue v${versions.content} · rates v${versions.rates} · profiles v${versions.profiles}`),
    pc.dim(`decision ${decision}`),
  ];
}

function columnsNow(): number {
  return process.stdout.columns ?? 100;
}
