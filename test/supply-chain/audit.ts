import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { judgeAudit } from "./judge-audit.ts";

const PATIENCE_MS = 60_000;
const run = promisify(execFile);

/** `npm run audit`: fails for a severe vulnerability that has a fix, and for nothing else. */
const { stdout } = await run("npm", ["audit", "--json"], { timeout: PATIENCE_MS, maxBuffer: 2 ** 26 }).catch(
  (thrown: { stdout?: string }) => ({ stdout: thrown.stdout ?? "" }),
);
const { kind, lines } = judgeAudit(stdout);
process.stdout.write(`${lines.join("\n")}\n`);
if (kind === "fixable") process.exitCode = 1;
