import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type LockedPackages, productionSbom, type Sbom } from "./production-sbom.ts";

/** `npm run -s sbom`: what is installed for production, as CycloneDX, by the lockfile. Asks no registry. */
const ROOT = join(import.meta.dirname, "../..");
const told = execFileSync("npm", ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only"], {
  cwd: ROOT,
  encoding: "utf8",
  maxBuffer: 2 ** 26,
});
const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
  packages: LockedPackages;
};
process.stdout.write(`${JSON.stringify(productionSbom(JSON.parse(told) as Sbom, lock.packages), null, 2)}\n`);
