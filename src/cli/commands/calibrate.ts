import type { Command } from "commander";
import { ask } from "../../actors/ask.ts";
import { fromWireError } from "../../kernel/engine-error.ts";
import type { RecalibrationResult } from "../../recalibration-task.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { formatCount } from "../view/format-number.ts";
import { renderTable } from "../view/table.ts";

const CALIBRATION_TIMEOUT_MS = 600_000;

/** `resonance calibrate`: fits the calibrations of the encoder in force anew. */
export function addCalibrateCommand(program: Command): void {
  withClientOptions(program.command("calibrate"))
    .description(
      "fit what makes scores probabilities anew, and the thresholds by precision, without fitting the encoder",
    )
    .action(
      runs(async (options: ClientOptions & { json: boolean }) => {
        const client = await connectClient(options, "resonance calibrate");
        try {
          const subject = client.subjects.profileActor("calibrate");
          const result = (await ask(client.bus, subject, {}, CALIBRATION_TIMEOUT_MS)) as RecalibrationResult;
          if (result.kind === "failed") throw fromWireError(result.error);
          print(options.json, result, () => draw(result));
        } finally {
          await client.close();
        }
      }),
    );
}

const OUTCOMES = {
  fitted: "new calibration",
  kept: "calibration kept, new thresholds",
  "too-few": "too few users, nothing changed",
} as const;

function draw({ encoder, maps }: Extract<RecalibrationResult, { kind: "calibrated" }>): string[] {
  const rows = maps.map((map) => [
    map.map,
    formatCount(map.users),
    formatCount(map.fresh),
    `${map.before.logLoss.toFixed(4)} → ${map.after.logLoss.toFixed(4)}`,
    `${map.before.ece.toFixed(4)} → ${map.after.ece.toFixed(4)}`,
    map.traffic === 0 ? "members" : `traffic (${formatCount(map.traffic)} users)`,
    OUTCOMES[map.outcome],
  ]);
  return [
    `encoder ${encoder.slice(0, 12)}, calibrated on held-out users; it serves from the next publication on`,
    ...renderTable(
      [
        { title: "map" },
        { title: "users", align: "right" },
        { title: "new ones", align: "right" },
        { title: "log-loss" },
        { title: "ECE" },
        { title: "shares of" },
        { title: "" },
      ],
      rows,
      process.stdout.columns ?? 120,
    ),
  ];
}
