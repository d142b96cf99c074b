import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const OPTIONS = {
  target: "ES2023",
  lib: ["ES2023"],
  module: "NodeNext",
  moduleResolution: "NodeNext",
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  noEmit: true,
  skipLibCheck: true, // Those of the NATS client do not pass under exactOptionalPropertyTypes.
};

/**
 * Checks files with the compiler.
 *
 * @param files - Written into the folder; those that they import may be there already.
 * @param options - Of the compiler, beside those of a strict project.
 * @returns A line an error, such as `wrong.ts(4,5): error TS2345: ...`.
 */
export async function typeErrors(
  folder: string,
  files: Readonly<Record<string, string>>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  const types = { typeRoots: [join(ROOT, "node_modules/@types")], types: ["node"] };
  const config = { compilerOptions: { ...OPTIONS, ...types, ...options }, files: Object.keys(files) };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [compiler, "-p", folder, "--pretty", "false"], (failure, stdout, stderr) => {
      if (failure !== null && stdout === "") return reject(new Error(stderr, { cause: failure }));
      resolve(stdout.split("\n").filter((line) => /error TS\d+/.test(line)));
    });
  });
}
