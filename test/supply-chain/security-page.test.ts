import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/security.md"), "utf8");

/** A row of a component's table. */
type Threat = Readonly<{ letters: readonly string[]; shownBy: string; left: string; line: string }>;

/** Components of the threat model with their tables. */
function componentsOf(text: string): Map<string, readonly Threat[]> {
  const model = text.slice(
    text.indexOf("\n## Threats, a component each"),
    text.indexOf("\n## What nodes write"),
  );
  const sections = model.split("\n### ").slice(1);
  return new Map(
    sections.map((section) => {
      const [name = "", ...lines] = section.split("\n");
      const rows = lines.filter((line) => /^\| [A-Z]/.test(line));
      return [name, rows.map(threatOf)] as const;
    }),
  );
}

function threatOf(line: string): Threat {
  const [, letters = "", , , shownBy = "", left = ""] = line.split("|").map((cell) => cell.trim());
  return { letters: letters.split(", "), shownBy, left, line };
}

/** Headings of the page that the threat model cites in quotes. */
function citedHeadings(text: string): string[] {
  const model = text.slice(text.indexOf("\n## Threat model"));
  return [...model.matchAll(/"([A-Z][A-Za-z ]+)"/g)].map(([, heading = ""]) => heading);
}

test("every test that the threat model names is there", () => {
  const named = [...page.matchAll(/`(test\/[a-z0-9/.-]+\.ts)`/g)].map(([, file]) => file ?? "");
  expect(named.length).toBeGreaterThan(100);
  expect(named.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});

test("every component has a table, in which each letter of STRIDE has its row", () => {
  const components = componentsOf(page);
  expect([...components.keys()]).toEqual([
    "Gateway over NATS",
    "HTTP intake",
    "Segment API, CloudEvents and the page snippet",
    "Console",
    "Log (JetStream)",
    "Shard",
    "Profiles",
    "Stores and snapshots",
    "Backup and restore",
    "Cluster table and secrets",
    "Metrics and traces",
    "Client library",
    "Command line and operators",
  ]);
  for (const [name, threats] of components) {
    const letters = new Set(threats.flatMap((threat) => threat.letters));
    expect([...letters].sort(), name).toEqual([..."DEIRST"]);
  }
});

test("a threat has a test that shows what holds it, or says what is left", () => {
  for (const { shownBy, left, line } of [...componentsOf(page).values()].flat()) {
    if (shownBy === "–") expect(left, line).not.toBe("–");
    else expect(shownBy, line).toMatch(/^`test\/[a-z0-9/.-]+\.ts`(, `test\/[a-z0-9/.-]+\.ts`)*$/);
    expect(left, line).not.toBe("");
  }
});

test("what the threat model cites in quotes is a heading of the page", () => {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
  const cited = citedHeadings(page);
  expect(cited.length).toBeGreaterThan(10);
  expect(cited.filter((heading) => !headings.includes(heading))).toEqual([]);
});

test("nothing of the threat model waits to be written", () => {
  expect(page).not.toMatch(/none yet|not yet|belong here when|to be written/i);
});

test("a planted gap is found", () => {
  const bare = page.replace(/^\| R \| (?:"that visitor was|who stopped).*$/gm, "");
  const letters = (componentsOf(bare).get("Console") ?? []).flatMap((threat) => threat.letters);
  expect(letters).not.toContain("R");
  expect(citedHeadings(page.replace('("Two locks")', '("Roles and TLS")'))).toContain("Roles and TLS");
});

test("SECURITY.md sends nobody to addresses that the package does not have", () => {
  const policy = readFileSync(join(ROOT, "SECURITY.md"), "utf8");
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<string, unknown>;
  const isNamed = ["author", "maintainers", "bugs"].some((field) => field in manifest);
  if (!isNamed) expect(policy).not.toMatch(/metadata|by mail|e-mail/i);
  for (const way of ["GitHub", "GitLab", "no such way"]) expect(policy).toContain(way);
});
