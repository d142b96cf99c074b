import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { ask } from "../../actors/ask.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import type { HeldOutReport, ReleaseReport } from "../../resonance/fit-release.ts";
import type { MapMoves } from "../../resonance/move-counts.ts";
import type { WhatIfMap, WhatIfReply, WhatIfRequest } from "../../what-if.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { wholeNumber, withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { formatCount } from "../view/format-number.ts";
import { renderTable } from "../view/table.ts";

type Options = ClientOptions & Readonly<{ json: boolean; segments?: string; sample: number; users: boolean }>;

/** A hundred thousand users take a minute or two. */
const PATIENCE_MS = 600_000;
const MATRIX_ROWS = 20;
const MOVERS_DRAWN = 12;

/** `resonance whatif`: who would move if the held encoder, or other segments, were in force. */
export function addWhatIfCommand(program: Command): void {
  withClientOptions(program.command("whatif"))
    .description("tell who would move if the encoder that `train --hold` has prepared were in force")
    .option("--segments <file>", "ask of these definitions instead, under the encoder in force")
    .option("--sample <n>", "users compared at most", wholeNumber(1), 2_000)
    .option("--users", "show ids of users who would move, instead of digests", false)
    .action(
      runs(async (options: Options) => {
        const segments = options.segments === undefined ? undefined : await definitionsIn(options.segments);
        const request: WhatIfRequest = {
          sample: options.sample,
          named: options.users,
          ...(segments === undefined ? {} : { segments }),
        };
        const client = await connectClient(options, "resonance whatif");
        try {
          const subject = client.subjects.profileActor("whatif");
          const told = (await ask(client.bus, subject, request, PATIENCE_MS)) as WhatIfReply;
          print(options.json, told, () => draw(told));
        } finally {
          await client.close();
        }
      }),
    );
}

async function definitionsIn(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    const message = `${file} can't be read as JSON: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new EngineError({ code: "BAD_SEGMENTS_FILE", message, retryable: false, cause });
  }
}

function draw(reply: WhatIfReply): string[] {
  const { encoder, warmUp, users, resident, movers, heldOut } = reply;
  const lines =
    reply.kind === "segments"
      ? [`other segments, under encoder ${encoder.inForce}`]
      : [`encoder ${encoder.other} in the place of ${encoder.inForce}`];
  if (warmUp !== undefined && warmUp.prepared < warmUp.shards)
    lines.push(
      `it is still warming up, ${warmUp.prepared} of ${warmUp.shards} shards are through: figures will change`,
    );
  lines.push(`${formatCount(users)} of ${formatCount(resident)} users in memory compared`);
  for (const map of reply.maps) lines.push("", ...drawMap(map));
  if (reply.kind === "encoder") lines.push("", ...drawHeldOut(heldOut.inForce, heldOut.other));
  if (movers.length > 0) lines.push("", `some who would move: ${movers.slice(0, MOVERS_DRAWN).join(", ")}`);
  return lines;
}

function drawMap(map: WhatIfMap): string[] {
  const share = (count: number): string => `${((100 * count) / Math.max(1, map.users)).toFixed(1)} %`;
  const lines = [
    `${map.map}: ${formatCount(map.moved)} (${share(map.moved)}) get another top segment, ${formatCount(map.resonatingChanged)} (${share(map.resonatingChanged)}) resonate with others; mean total variation ${map.totalVariation.toFixed(3)}`,
    ...drawMatrix(map.matrix, "users"),
  ];
  if (map.members === undefined) return lines;
  const { before, after, matrix, of } = map.members;
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const rows = names.map((name) => [
    name || "(none)",
    formatCount(before[name] ?? 0),
    formatCount(after[name] ?? 0),
  ]);
  const titles = [
    { title: "members of" },
    { title: "before", align: "right" as const },
    { title: "after", align: "right" as const },
  ];
  lines.push(
    `members, of ${formatCount(of)} asked about:`,
    ...renderTable(titles, rows, process.stdout.columns ?? 100),
    ...drawMatrix(matrix, "members"),
  );
  return lines;
}

/** The cells off the diagonal, the largest first. */
function drawMatrix(matrix: MapMoves["matrix"], what: string): string[] {
  const cells = Object.entries(matrix)
    .flatMap(([from, row]) => Object.entries(row).map(([to, count]) => ({ from, to, count })))
    .filter(({ from, to }) => from !== to)
    .sort((a, b) => b.count - a.count);
  if (cells.length === 0) return [];
  const rows = cells
    .slice(0, MATRIX_ROWS)
    .map(({ from, to, count }) => [from || "(none)", to || "(none)", formatCount(count)]);
  const titles = [{ title: "from" }, { title: "to" }, { title: what, align: "right" as const }];
  return renderTable(titles, rows, process.stdout.columns ?? 100);
}

function drawHeldOut(inForce: ReleaseReport | null, other: ReleaseReport | null): string[] {
  const maps = Object.keys({ ...inForce?.heldOut, ...other?.heldOut });
  if (maps.length === 0) return ["no held-out numbers: neither was fitted by this build"];
  const cell = (report: HeldOutReport | undefined, field: "logLoss" | "auc" | "ece"): string =>
    report?.[field] == null ? "-" : report[field].toFixed(4);
  const rows = maps.map((map) => {
    const [a, b] = [inForce?.heldOut[map], other?.heldOut[map]];
    return [
      map,
      ...(["logLoss", "auc", "ece"] as const).map((field) => `${cell(a, field)} → ${cell(b, field)}`),
    ];
  });
  const titles = ["held out", "log-loss", "AUC", "ECE"].map((title) => ({ title }));
  return renderTable(titles, rows, process.stdout.columns ?? 100);
}
