import type { Command } from "commander";
import type { PolicyReply } from "../../gateway/consent-policy.ts";
import { askOnce, type ClientOptions } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { readPolicyFile, readPolicyJson } from "../read-policy-file.ts";
import { renderTable } from "../view/table.ts";
import { addPrivacyReport } from "./privacy-report.ts";

type Options = ClientOptions & Readonly<{ json: boolean }>;

/** `resonance privacy`: what may be kept and done of whom, and what is told of them. */
export function addPrivacyCommand(program: Command): void {
  const command = program.command("privacy").description("see and change what may be kept and done of whom");
  addPrivacyReport(command);
  const policy = command.command("policy").description("put and look at the policy of consent");
  withClientOptions(policy.command("put").argument("<file>", "JSON file of a policy (docs/privacy.md)"))
    .description("put a policy in force, in the place of the one before")
    .action(
      runs(async (file: string, options: Options) => {
        const reply = (await askOnce(options, "privacy.put", await readPolicyJson(file))) as {
          version: number;
        };
        print(options.json, reply, () => [`policy v${reply.version} is in force`]);
      }),
    );
  withClientOptions(policy.command("get"))
    .description("show the policy in force; --json prints it in the words of a file")
    .action(
      runs(async (options: Options) => {
        const reply = (await askOnce(options, "privacy.get", {})) as PolicyReply;
        print(options.json, reply, () => drawPolicy(reply));
      }),
    );
  policy
    .command("check")
    .argument("<file>", "JSON file of a policy (docs/privacy.md)")
    .description("check a file without a running engine")
    .option("--json", "print one JSON object", false)
    .action(
      runs(async (file: string, options: { json: boolean }) => {
        const { purposes, regions } = await readPolicyFile(file);
        const result = { purposes: Object.keys(purposes).length, regions: regions.length };
        print(options.json, result, () => [
          `${file} is in order: ${result.purposes} purposes, ${result.regions} regions`,
        ]);
      }),
    );
}

function drawPolicy({ version, purposes, families, regions, location }: PolicyReply): string[] {
  const places = Object.entries(regions);
  const covered = (purpose: string): string => {
    const named = Object.entries(families).flatMap(([family, needed]) =>
      needed === purpose ? [family] : [],
    );
    return purpose === "personalisation" ? "all others" : named.join(", ") || "–";
  };
  const rows = Object.entries(purposes).map(([purpose, rule]) => [
    purpose,
    rule,
    ...places.map(([, region]) => region.purposes[purpose] ?? rule),
    covered(purpose),
  ]);
  const titles = ["purpose", "elsewhere", ...places.map(([name]) => name), "families"];
  return [
    version === 0 ? "no policy was put: the engine's own is in force" : `policy v${version}`,
    ...renderTable(
      titles.map((title) => ({ title })),
      rows,
      process.stdout.columns ?? 100,
    ),
    location === undefined
      ? "locations are stored as coarse cells"
      : `locations are reported as one of ${location.cells.length} cells, or as elsewhere, by randomised response with an epsilon of ${location.epsilon}`,
  ];
}
