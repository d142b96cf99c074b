import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeAudit } from "./judge-audit.ts";

type Locked = Readonly<{
  version?: string;
  resolved?: string;
  integrity?: string;
  link?: boolean;
  hasInstallScript?: boolean;
  inBundle?: boolean;
}>;
type Manifest = Readonly<{
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  engines: Record<string, string>;
  scripts: Record<string, string>;
  workspaces: readonly string[];
}>;

const ROOT = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const manifest = JSON.parse(read("package.json")) as Manifest;
const lock = JSON.parse(read("package-lock.json")) as {
  lockfileVersion: number;
  packages: Record<string, Locked>;
};

/** Packages that may run code when they are installed; docs/security.md says why each may. */
const WITH_INSTALL_SCRIPTS = ["lmdb", "msgpackr-extract", "node"];

/** This repository's own packages: a folder each, and a link to it. */
function isOwn(path: string, resolved: string, link: boolean | undefined): boolean {
  if (link !== true) return manifest.workspaces.includes(path);
  return path === "node_modules/resonance-map" && manifest.workspaces.includes(resolved);
}

/** Packages of a lockfile that break a rule, with the rule. */
function violations(packages: Record<string, Locked>): string[] {
  return Object.entries(packages).flatMap(([path, { resolved = "", integrity = "", link, version }]) => {
    if (path === "" || isOwn(path, resolved, link)) return [];
    const found: string[] = [];
    if (link === true) found.push(`${path}: a link`);
    // Without an address it is of whatever registry npm asks: the checksum says which package it must be.
    if (resolved !== "" && !resolved.startsWith("https://registry.npmjs.org/"))
      found.push(`${path}: not of the registry`);
    if (!integrity.startsWith("sha512-")) found.push(`${path}: without a checksum`);
    if (!/^\d+\.\d+\.\d+/.test(version ?? "")) found.push(`${path}: without an exact version`);
    return found;
  });
}

test("every package of the lockfile is of the registry, with an exact version and a SHA-512", () => {
  expect(lock.lockfileVersion).toBe(3);
  expect(violations(lock.packages)).toEqual([]);
  expect(Object.keys(lock.packages).length).toBeGreaterThan(100);
});

test("a planted package that is not, is found", () => {
  const fine = { version: "1.0.0", resolved: "https://registry.npmjs.org/a.tgz", integrity: "sha512-x" };
  const planted = {
    "node_modules/git": { ...fine, resolved: "git+ssh://git@github.com/a/b.git#1" },
    "node_modules/http": { ...fine, resolved: "http://registry.npmjs.org/a.tgz" },
    "node_modules/file": { ...fine, resolved: "file:../a", link: true },
    "node_modules/sha1": { ...fine, integrity: "sha1-x" },
  };
  expect(violations({ ...planted, "node_modules/fine": fine }).map((one) => one.split(":")[0])).toEqual([
    "node_modules/git",
    "node_modules/http",
    "node_modules/file",
    "node_modules/file",
    "node_modules/sha1",
  ]);
});

test("the lockfile is of this package.json", () => {
  const { dependencies, devDependencies, peerDependencies, engines } = manifest;
  expect(lock.packages[""]).toMatchObject({ dependencies, devDependencies, peerDependencies, engines });
});

test("dependencies are named by version, never by address", () => {
  const all = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies };
  for (const [name, range] of Object.entries(all)) expect(range, name).toMatch(/^[\^~]?\d+\.\d+\.\d+/);
});

test("no package runs code on installation but those that are stated, and the page states them too", () => {
  const withScripts = Object.entries(lock.packages)
    .filter(([, { hasInstallScript }]) => hasInstallScript === true)
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
  expect([...new Set(withScripts)].sort()).toEqual(WITH_INSTALL_SCRIPTS);
  const page = read("docs/security.md");
  for (const name of WITH_INSTALL_SCRIPTS) expect(page).toContain(`| \`${name}\` |`);
});

test("this package runs nothing on installation itself", () => {
  for (const script of ["preinstall", "install", "postinstall", "prepare"])
    expect(manifest.scripts).not.toHaveProperty(script);
});

test("an audit fails for what is severe and has a fix, and for nothing else", () => {
  const of = (...given: Record<string, unknown>[]) =>
    JSON.stringify({
      auditReportVersion: 2,
      vulnerabilities: Object.fromEntries(given.map((one, i) => [`p${i}`, { name: `p${i}`, ...one }])),
    });
  expect(judgeAudit(of()).kind).toBe("clean");
  expect(judgeAudit(of({ severity: "high", fixAvailable: false })).kind).toBe("known");
  expect(judgeAudit(of({ severity: "moderate", fixAvailable: true })).kind).toBe("known");
  expect(judgeAudit(of({ severity: "high", fixAvailable: true })).kind).toBe("fixable");
  expect(
    judgeAudit(of({ severity: "critical", fixAvailable: { name: "x", isSemVerMajor: true } })).kind,
  ).toBe("fixable");
  for (const answer of ["", "no JSON", '{"message":"405 Method Not Allowed","error":{}}', "null"])
    expect(judgeAudit(answer).kind).toBe("unanswered");
});
