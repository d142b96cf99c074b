import { Command } from "commander";
import { version } from "../adapters/package-version.ts";
import { addAuthCommand } from "./commands/auth.ts";
import { addAuthKeyCommand } from "./commands/auth-key.ts";
import { addBackupCommand } from "./commands/backup.ts";
import { addBenchCommand } from "./commands/bench.ts";
import { addCalibrateCommand } from "./commands/calibrate.ts";
import { addClusterCommand } from "./commands/cluster.ts";
import { addConfigCommand } from "./commands/config.ts";
import { addContentCommand } from "./commands/content.ts";
import { addDeadLettersCommand } from "./commands/dead-letters.ts";
import { addDemoCommand } from "./commands/demo.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addDriftCommand } from "./commands/drift.ts";
import { addEraseCommand } from "./commands/erase.ts";
import { addEvaluateCommand } from "./commands/evaluate.ts";
import { addExperimentCommand } from "./commands/experiment.ts";
import { addExplainCommand } from "./commands/explain.ts";
import { addExportCommand } from "./commands/export.ts";
import { addImportCommand } from "./commands/import.ts";
import { addKeysCommand } from "./commands/keys.ts";
import { addPlanCommand } from "./commands/plan.ts";
import { addPrivacyCommand } from "./commands/privacy.ts";
import { addProfilesCommand } from "./commands/profiles.ts";
import { addReplayCommand } from "./commands/replay.ts";
import { addRequestCommand } from "./commands/request.ts";
import { addReshardCommand } from "./commands/reshard.ts";
import { addRestoreCommand } from "./commands/restore.ts";
import { addPromoteCommand, addRollbackCommand } from "./commands/roll-out.ts";
import { addScoreCommand } from "./commands/score.ts";
import { addSimulateCommand } from "./commands/simulate.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addTopCommand } from "./commands/top.ts";
import { addTrainCommand } from "./commands/train.ts";
import { addTypesCommand } from "./commands/types.ts";
import { addUpCommand } from "./commands/up.ts";
import { addWhatIfCommand } from "./commands/what-if.ts";
import { completeHelp } from "./help/complete-help.ts";

/** The whole command line. */
export const program = new Command("resonance")
  .description(
    "tells, for any visitor and at any moment, how strongly their behaviour resonates with each segment",
  )
  .version(version())
  .showHelpAfterError("(--help shows what it takes)")
  .enablePositionalOptions() // What stands behind `backup verify` is for `verify`.
  // What is wrong with a command line has a code as every other failure has.
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "error BAD_USAGE: ")) });

addUpCommand(program);
addImportCommand(program);
addReplayCommand(program);
addRequestCommand(program);
addScoreCommand(program);
addContentCommand(program);
addExplainCommand(program);
addExportCommand(program);
addExperimentCommand(program);
addTypesCommand(program);
addProfilesCommand(program);
addPrivacyCommand(program);
addStatusCommand(program);
addTopCommand(program);
addClusterCommand(program);
addDeadLettersCommand(program);
addEraseCommand(program);
addKeysCommand(program);
addReshardCommand(program);
addBackupCommand(program);
addRestoreCommand(program);
addTrainCommand(program);
addCalibrateCommand(program);
addWhatIfCommand(program);
addDriftCommand(program);
addPromoteCommand(program);
addRollbackCommand(program);
addEvaluateCommand(program);
addPlanCommand(program);
addSimulateCommand(program);
addDemoCommand(program);
addDoctorCommand(program);
addConfigCommand(program);
const auth = addAuthCommand(program);
addAuthKeyCommand(auth);
addBenchCommand(program);

completeHelp(program);

// Documentation and tests walk the commands without running one.
if (import.meta.main) await program.parseAsync();
