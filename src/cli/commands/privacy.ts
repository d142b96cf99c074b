import type { Command } from "commander";
import { addPrivacyReport } from "./privacy-report.ts";

/** `resonance privacy`: what may be kept and done of whom, and what is told of them. */
export function addPrivacyCommand(program: Command): void {
  const command = program.command("privacy").description("see what private maps promise and have spent");
  addPrivacyReport(command);
}
