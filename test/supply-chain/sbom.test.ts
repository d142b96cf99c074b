import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type LockedPackages, productionPackages, productionSbom, type Sbom } from "./production-sbom.ts";

const ROOT = join(import.meta.dirname, "../..");
const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as {
  name: string;
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
  packages: LockedPackages;
};

type Component = Readonly<{
  "bom-ref": string;
  name: string;
  version: string;
  purl: string;
  hashes?: readonly Readonly<{ alg: string; content: string }>[];
}>;
type CycloneDx = Readonly<{
  bomFormat: string;
  specVersion: string;
  serialNumber: string;
  metadata: { component: Component };
  components: readonly Component[];
  dependencies: Sbom["dependencies"];
}>;

const LIMIT_MS = 60_000;

test(
  "the command writes CycloneDX of all that is installed for production, and of nothing else",
  () => {
    const sbom = JSON.parse(
      execFileSync("npm", ["run", "-s", "sbom"], { cwd: ROOT, encoding: "utf8", maxBuffer: 2 ** 26 }),
    ) as CycloneDx;
    expect(sbom).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.5" });
    expect(sbom.serialNumber).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    const self = `${manifest.name}@${manifest.version}`;
    expect(sbom.metadata.component.purl).toBe(`pkg:npm/${self}`);
    const refs = sbom.components.map((component) => component["bom-ref"]);
    const expected = productionPackages(lock.packages);
    expected.delete(self); // It is what the document is of.
    expect(refs.toSorted()).toEqual([...expected].toSorted());

    const names = new Set(sbom.components.map(({ name }) => name));
    expect(names).toContain("lmdb");
    for (const name of Object.keys(manifest.dependencies)) expect(names, name).toContain(name);
    for (const name of ["vitest", "vite", "playwright-core", "axe-core", "@biomejs/biome"])
      expect(names, name).not.toContain(name);

    const lmdb = sbom.components.find(({ name }) => name === "lmdb");
    expect(lmdb?.purl).toBe(`pkg:npm/lmdb@${lmdb?.version}`);
    expect(lmdb?.hashes?.[0]).toMatchObject({
      alg: "SHA-512",
      content: expect.stringMatching(/^[0-9a-f]{128}$/),
    });
    const known = new Set([self, ...refs]);
    for (const { ref, dependsOn = [] } of sbom.dependencies)
      expect([ref, ...dependsOn].filter((one) => !known.has(one))).toEqual([]);
  },
  LIMIT_MS,
);

test("what production and development both need stays, what only development needs goes, edges too", () => {
  const all = {
    components: [{ "bom-ref": "a@1.0.0" }, { "bom-ref": "dev@1.0.0" }, { "bom-ref": "both@1.0.0" }],
    dependencies: [{ ref: "a@1.0.0", dependsOn: ["both@1.0.0", "dev@1.0.0"] }, { ref: "dev@1.0.0" }],
  };
  const packages = {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/dev": { version: "1.0.0", dev: true },
    "node_modules/both": { version: "1.0.0" },
    "node_modules/dev/node_modules/both": { version: "1.0.0", dev: true },
  };
  expect(productionSbom(all, packages)).toEqual({
    components: [{ "bom-ref": "a@1.0.0" }, { "bom-ref": "both@1.0.0" }],
    dependencies: [{ ref: "a@1.0.0", dependsOn: ["both@1.0.0"] }],
  });
});
