import { posix } from "node:path";
import { expect, test } from "vitest";
import { codeOf, importsOf, lineAt, readSources, type SourceFile } from "./source-text.ts";

/** The folders whose code only computes, from the ground up: each may import those before it. */
const GROUND = ["kernel", "events", "features", "embedding", "resonance"];
/** Pure parts beside each other on that ground. */
const PURE = [...GROUND, "privacy", "experiments", "content"];
/** What a composition may compose. */
const PARTS = [...PURE, "actors", "supervisor", "shards", "profiles", "gateway", "metrics"];

/**
 * What each folder of `src` may import beside itself: a folder, or one file of it. This is the table of the
 * design's page "Layout". Files directly in `src` are the composition; they and `cli` may import anything.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[] | "anything">> = {
  kernel: [],
  events: ["kernel"],
  features: ["kernel", "events"],
  embedding: ["kernel", "events", "features"],
  resonance: ["kernel", "events", "features", "embedding"],
  privacy: GROUND,
  experiments: GROUND,
  content: GROUND,
  actors: ["kernel", "events"],
  supervisor: ["kernel", "events", "actors"],
  // A sample is the message from shards to profiles: the one thing that both must know.
  shards: [...PURE, "actors", "supervisor", "profiles/sample.ts"],
  profiles: [...PURE, "actors", "supervisor"],
  gateway: ["kernel", "events", "features", "resonance", "actors", "privacy", "experiments", "content"],
  // Its pages tell reports of experiments in their own words.
  console: ["kernel", "events", "resonance", "experiments", "actors", "gateway"],
  // What runs in a page goes to it whole: it may import nothing.
  snippet: [],
  metrics: [...PURE, "actors", "supervisor", "shards", "profiles", "gateway"],
  // The options of a node are its configuration's words, not its composition.
  adapters: [...PARTS, "node-options.ts"],
  cli: "anything",
  ".": "anything",
};

/** The two entries of the package, which alone may pass on what others export. */
const ENTRIES = ["src/index.ts", "src/testing.ts"];
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|sim|d))*\.[cm]?[jt]sx?$/;
const KEBAB_FOLDER = /^[a-z0-9]+(-[a-z0-9]+)*$/;
const DRAWERS = ["utils", "util", "common", "helpers", "helper", "misc", "shared"];

test("every import keeps to the table of the layout", () => {
  expect(importViolations(readSources("src"))).toEqual([]);
});

test("no files and no folders import each other in a circle", () => {
  expect(cycles(readSources("src"))).toEqual([]);
});

test("no default export, and re-exports only in the package's entries", () => {
  expect(exportViolations(readSources("src", "test", "bench"))).toEqual([]);
});

test("names are kebab-case, no folder is a drawer, and relative imports say .ts", () => {
  expect(nameViolations(readSources("src", "test", "bench"))).toEqual([]);
});

test("a planted import against the table is caught, in every form", () => {
  const planted: Record<string, string> = {
    "src/kernel/a.ts": 'import { b } from "../events/event.ts";',
    "src/events/b.ts": 'import type { FeatureEvent } from "../features/feature-event.ts";',
    "src/features/c.ts": 'const encoder = await import("../embedding/encoder.ts");',
    "src/actors/d.ts": 'type Profile = import("../resonance/published-profiles.ts").Profile;',
    "src/shards/e.ts": 'import {\n  ledger,\n} from "../profiles/ledger.ts";',
    "src/profiles/f.ts": 'import { foldBatch } from "../shards/fold-batch.ts";',
    "src/gateway/g.ts": 'import "../adapters/nats-bus.ts";',
    "src/adapters/h.ts": 'import { startNode } from "../node.ts";',
    "src/resonance/i.ts": 'export { j } from "../cli/main.ts";',
    "src/misplaced/k.ts": "export const k = 1;",
    "src/features/l.ts": 'import { m } from "../../test/source-text.ts";',
  };
  expect(importViolations(filesOf(planted)).map((violation) => violation.split(":")[0])).toEqual(
    Object.keys(planted),
  );
});

test("what the table allows is not caught", () => {
  const allowed = {
    "src/events/a.ts": 'import { hash32 } from "../kernel/hash.ts";\nimport { b } from "./b.ts";',
    "src/shards/b.ts": 'import type { Sample } from "../profiles/sample.ts";',
    "src/cli/commands/c.ts": 'import { startNode } from "../../node.ts";\nimport pc from "picocolors";',
    "src/node.ts": 'import { shard } from "./shards/shard.ts";',
    "src/kernel/d.ts": '// import { b } from "../events/event.ts";\nconst text = `import "../cli/main.ts"`;',
  };
  expect(importViolations(filesOf(allowed))).toEqual([]);
});

test("a planted circle is caught, of types, of files in one folder, and of folders", () => {
  const types = {
    "src/kernel/a.ts": 'import type { B } from "./b.ts";',
    "src/kernel/b.ts": 'import type { C } from "./c.ts";',
    "src/kernel/c.ts": 'export type C = import("./a.ts").A;',
  };
  expect(cycles(filesOf(types))).toEqual([
    "src/kernel/a.ts -> src/kernel/b.ts -> src/kernel/c.ts -> src/kernel/a.ts",
  ]);
  const folders = {
    "src/shards/a.ts": 'import { b } from "../actors/b.ts";',
    "src/shards/c.ts": "export const c = 1;",
    "src/actors/b.ts": "export const b = 1;",
    "src/actors/d.ts": 'import { c } from "../shards/c.ts";',
  };
  expect(cycles(filesOf(folders))).toEqual(["src/actors -> src/shards -> src/actors"]);
});

test("planted default exports and re-exports are caught", () => {
  const planted = {
    "src/kernel/a.ts": "export default function a() {}",
    "src/kernel/b.ts": "const b = 1;\nexport { b as default };",
    "src/kernel/c.ts": 'export * from "./d.ts";',
    "src/kernel/d.ts": 'export type { E } from "./e.ts";',
    "src/kernel/f.ts": 'import { g } from "./g.ts";\nexport { g };',
    "src/index.ts": 'export { a } from "./kernel/a.ts";',
    "src/kernel/h.ts": '// export default\nconst text = "export default";\nexport { text };',
  };
  expect(exportViolations(filesOf(planted)).map((violation) => violation.split(":")[0])).toEqual([
    "src/kernel/a.ts",
    "src/kernel/b.ts",
    "src/kernel/c.ts",
    "src/kernel/d.ts",
    "src/kernel/f.ts",
  ]);
});

test("planted names and specifiers are caught", () => {
  const planted = {
    "src/kernel/camelCase.ts": "",
    "src/kernel/snake_case.ts": "",
    "src/Kernel/a.ts": "",
    "src/utils/a.ts": "",
    "test/helpers/a.test.ts": "",
    "src/kernel/a.ts": 'import { b } from "./b";',
    "src/kernel/c.ts": 'import { b } from "./b.js";',
    "src/kernel/fine-name.ts": 'import { b } from "./b.ts";\nimport { open } from "lmdb";',
    "bench/fold.bench.ts": "",
  };
  expect(nameViolations(filesOf(planted)).map((violation) => violation.split(":")[0])).toEqual(
    Object.keys(planted).slice(0, 7),
  );
});

test("code is told from comments, strings, templates and regular expressions", () => {
  const source = [
    'a("x // y"); // b',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the planted source holds a template.
    "const t = `c ${d({ e: `f ${g}` })} h`; /* i */ j;",
    "const r = /k[/]'\\/l/.test(m) / n; return /o'/;",
    "const s = 'p\\'q'; u",
  ].join("\n");
  const names = codeOf(source).match(/\b[a-z]\b/g);
  expect(names).toEqual(["a", "t", "d", "e", "g", "j", "r", "m", "n", "s", "u"]);
  expect(codeOf(source)).toHaveLength(source.length);
});

function filesOf(sources: Readonly<Record<string, string>>): SourceFile[] {
  return Object.entries(sources).map(([path, source]) => ({ path, source }));
}

/** Imports that the table forbids: one text each, beginning with the path. */
function importViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const from = folderOf(file.path);
    const allowed = MAY_IMPORT[from];
    if (allowed === undefined) return [`${file.path}: src/${from} is not in the table`];
    if (allowed === "anything") return [];
    return relativeImports(file).flatMap(({ target, line }) => {
      const to = folderOf(target);
      if (target.startsWith("src/") && to === from && from !== ".") return [];
      const inside = target.slice("src/".length);
      if (target.startsWith("src/") && (allowed.includes(to) || allowed.includes(inside))) return [];
      return [`${file.path}:${line} may not import ${target}`];
    });
  });
}

/** Circles of files and of folders, each as one line that begins with the first by name. */
function cycles(files: readonly SourceFile[]): string[] {
  const byFile = new Map<string, Set<string>>();
  const byFolder = new Map<string, Set<string>>();
  for (const file of files) {
    for (const { target } of relativeImports(file)) {
      add(byFile, file.path, target);
      // A sample may go from profiles to shards; a file in `src` itself is a folder of its own.
      const [from, to] = [unitOf(file.path), unitOf(target)];
      if (from !== to) add(byFolder, from, to);
    }
  }
  return [...circlesIn(byFile), ...circlesIn(byFolder)];
}

function circlesIn(graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (node: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(node);
    if (seenAt >= 0) found.push([...trail.slice(seenAt), node].join(" -> "));
    if (seenAt >= 0 || done.has(node)) return;
    for (const next of [...(graph.get(node) ?? [])].toSorted()) visit(next, [...trail, node]);
    done.add(node);
  };
  for (const node of [...graph.keys()].toSorted()) visit(node, []);
  return found;
}

function exportViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const code = codeOf(file.source);
    const found = [...code.matchAll(/(?<![.\w$])export\s+default\b|\bas\s+default\b(?=[^;]*\})/g)].map(
      (match) => `${file.path}:${lineAt(file.source, match.index)} has a default export`,
    );
    if (ENTRIES.includes(file.path)) return found;
    const imports = importsOf(file.source);
    for (const { specifier, line, reExports } of imports) {
      if (reExports) found.push(`${file.path}:${line} re-exports ${specifier}`);
    }
    const imported = new Set(imports.flatMap(({ clause }) => boundNames(clause)));
    for (const match of code.matchAll(/(?<![.\w$])export\s+(?:type\s+)?\{([^}]*)\}(?!\s*from)/g)) {
      const passedOn = boundNames(match[1] ?? "", "source").filter((name) => imported.has(name));
      if (passedOn.length > 0)
        found.push(`${file.path}:${lineAt(file.source, match.index)} re-exports ${passedOn}`);
    }
    return found;
  });
}

/** The names of an import or export clause: those on the left of `as`, or by default those on its right. */
function boundNames(clause: string, side: "source" | "bound" = "bound"): string[] {
  const names = clause.replace(/\bfrom\s*$/, "").split(/[{},]/);
  return names.flatMap((name) => {
    const words = name
      .trim()
      .replace(/^type\s+/, "")
      .split(/\s+as\s+/);
    const word = side === "source" ? words[0] : words.at(-1);
    return word === undefined || word === "" || word === "type" ? [] : [word.replace(/^\*\s*/, "")];
  });
}

function nameViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const parts = file.path.split("/");
    const name = parts.pop() ?? "";
    const found: string[] = [];
    if (!KEBAB_CASE.test(name)) found.push(`${file.path}: the file's name is not kebab-case`);
    for (const folder of parts) {
      if (DRAWERS.includes(folder)) found.push(`${file.path}: ${folder} says nothing about its content`);
      if (!KEBAB_FOLDER.test(folder)) found.push(`${file.path}: the folder ${folder} is not kebab-case`);
    }
    for (const { specifier, line } of importsOf(file.source)) {
      if (specifier.startsWith(".") && !/\.(tsx?|css)$/.test(specifier)) {
        found.push(`${file.path}:${line} imports ${specifier}, without .ts`);
      }
    }
    return found;
  });
}

function relativeImports(file: SourceFile): { target: string; line: number }[] {
  return importsOf(file.source)
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier, line }) => ({ target: posix.join(posix.dirname(file.path), specifier), line }));
}

/** The folder of `src` that a path is in; `.` for a file directly in `src`. */
function folderOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? (parts[1] ?? ".") : ".";
}

function unitOf(path: string): string {
  return path.split("/").slice(0, 2).join("/");
}

function add(graph: Map<string, Set<string>>, from: string, to: string): void {
  const targets = graph.get(from) ?? new Set();
  graph.set(from, targets.add(to));
}
