import { isBuiltin } from "node:module";
import { expect, test } from "vitest";
import { codeOf, importsOf, lineAt, readSources, type SourceFile } from "./source-text.ts";

/** Where effects live: adapters, the command line and what runs in a browser. The composition is the files directly in `src`. */
const EFFECTFUL = ["src/adapters/", "src/cli/", "src/console/web/", "src/snippet/"];

/** Globals that read the world or act on it. Reached through `globalThis` they would be out of sight. */
const AMBIENT = [
  ..."Date performance Temporal".split(" "),
  ..."setTimeout setInterval setImmediate".split(" "),
  ..."crypto randomUUID randomBytes randomInt randomFillSync getRandomValues webcrypto".split(" "),
  ..."process console fetch globalThis global require".split(" "),
  ..."WebSocket EventSource XMLHttpRequest BroadcastChannel MessageChannel Worker localStorage".split(" "),
];

/** Built-in modules that only compute; of `node:crypto`, the digests alone. */
const COMPUTING_MODULES = ["node:assert", "node:buffer", "node:crypto", "node:util", "node:zlib"];
const COMPUTING_CRYPTO = ["createHash", "createHmac", "hash", "timingSafeEqual", "Hash", "Hmac"];

/** Packages that are, or bring, a network, a disk, threads or a terminal. */
const EFFECTFUL_PACKAGES =
  /^(nats|@nats-io\/.*|lmdb|piscina|pino|prom-client|fastify|@fastify\/.*|undici|ws|commander|log-update|playwright.*)(\/|$)/;

test("outside adapters, command line and composition there is no clock, chance, timer or I/O", () => {
  expect(readSources("src").flatMap(impurities)).toEqual([]);
});

test.for([
  "const now = Date.now();",
  "const now = new Date();",
  "const day = new Date(given);",
  "const at = Date();",
  "const read = Date.parse(given);", // Outside src/events: without a zone it reads the machine's.
  "type When = Date;",
  "const chance = Math.random();",
  'const chance = Math["random"]();',
  "const { random } = Math;",
  "const from = performance.now();",
  "setTimeout(run, 5);",
  "const later = setInterval;",
  "setImmediate(run);",
  "const id = crypto.randomUUID();",
  'import { randomUUID } from "node:crypto";',
  'import * as secrets from "node:crypto";',
  'import { createHash, randomBytes as bytes } from "node:crypto";',
  "const port = process.env.PORT;",
  "process.nextTick(run);",
  'import { readFile } from "node:fs/promises";',
  'import type { Stats } from "node:fs";',
  'import fs from "fs";',
  'import http from "node:http";',
  'import { connect } from "node:net";',
  'const child = await import("node:child_process");',
  'import { Worker as Thread } from "node:worker_threads";',
  'import { setTimeout as sleep } from "node:timers/promises";',
  'import { open } from "lmdb";',
  'import { Piscina } from "piscina";',
  'import { connect } from "@nats-io/transport-node";',
  'import type { NatsConnection } from "nats";',
  'import pino from "pino";',
  'const page = await fetch("/status");',
  "const page = ready ? fetch(url) : none;",
  'console.log("here");',
  "const now = globalThis.Date.now();",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the planted source holds a template.
  "const text = `at ${Date.now()}`;",
  'const open = require("lmdb");',
])("planted in a pure folder, it is caught: %s", (source) => {
  expect(impurities({ path: "src/shards/planted.ts", source })).toHaveLength(1);
});

test.for([
  "// Date.now() is not for here",
  "/** Math.random, performance.now(), fetch(url): see adapters. */",
  'const text = "console.log(process.env)";',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the planted source holds a template.
  "const text = `setTimeout ${name} Date`;",
  "const pattern = /process\\.exit|Date/;",
  "const at = clock.nowMs();",
  "const blob = await store.fetch(name);",
  "const processed = undefined; const { updated, fetched } = store;",
  "interface Store { fetch(name: string): Promise<Uint8Array>; }",
  "class Store { async fetch(name: string) { return name; } }",
  "const settled = { process: 1, Date: 2 };",
  "const root = Math.sqrt(Math.max(a, b));",
  'import { createHash } from "node:crypto";',
  'import { unpack } from "msgpackr";',
  "const updated = dateOf(event);",
])("it is pure and passes: %s", (source) => {
  expect(impurities({ path: "src/shards/planted.ts", source })).toEqual([]);
});

test("a given text may be read as a time in events, and the present may not", () => {
  const inEvents = (source: string) => impurities({ path: "src/events/planted.ts", source });
  expect(inEvents("const ms = Date.parse(text); const day = Date.UTC(2026, 0, 5);")).toEqual([]);
  expect(inEvents("const ms = Date.now();")).toHaveLength(1);
  expect(inEvents("const ms = new Date(text);")).toHaveLength(1);
});

test("adapters, the command line and the composition may touch the world", () => {
  for (const path of ["src/adapters/system-clock.ts", "src/cli/view/live-view.ts", "src/node.ts"]) {
    expect(impurities({ path, source: "export const now = () => Date.now();" })).toEqual([]);
  }
});

/** What a file takes from the world without being handed it: one text a place, beginning with the path. */
function impurities(file: SourceFile): string[] {
  const isComposition = /^src\/[^/]+$/.test(file.path);
  if (isComposition || EFFECTFUL.some((folder) => file.path.startsWith(folder))) return [];
  const modules = importsOf(file.source).flatMap(({ specifier, clause, line }) =>
    isPureModule(specifier, clause) ? [] : [`${file.path}:${line} imports ${specifier}`],
  );
  // What a forbidden import binds is told once, at the import.
  const code = withoutImports(codeOf(file.source));
  return [...modules, ...ambientUses(file, code)];
}

function ambientUses(file: SourceFile, code: string): string[] {
  const found: string[] = [];
  const tell = (index: number, what: string) =>
    found.push(`${file.path}:${lineAt(code, index)} uses ${what}`);
  const names = new RegExp(`(?<![\\w$#]|(?<!\\.)\\.\\s*)(?:${AMBIENT.join("|")})(?![\\w$])`, "g");
  for (const match of code.matchAll(names)) {
    const name = match[0];
    if (isMemberName(code, match.index, name)) continue;
    if (
      name === "Date" &&
      file.path.startsWith("src/events/") &&
      /^Date\.(parse|UTC)\(/.test(code.slice(match.index))
    ) {
      continue;
    }
    tell(match.index, name);
  }
  // `Math` is handled by name only, so that its random source can't be taken out of it unseen.
  for (const match of code.matchAll(/(?<![\w$.])Math(?!\s*\.\s*(?!random\b)[A-Za-z])(?![\w$])/g)) {
    tell(match.index, "Math.random");
  }
  return found;
}

/** Whether the word names a property or declares a method, and so is not the global. */
function isMemberName(code: string, index: number, name: string): boolean {
  const before = code.slice(0, index).trimEnd();
  const after = code.slice(index + name.length);
  const begins = /(^|[{};,]|\b(async|readonly|static|get|set|abstract|override))$/.test(before);
  if (begins && /^\s*\??\s*:/.test(after)) return true;
  return begins && /^\s*(<[^>]*>)?\([^()]*(\([^()]*\)[^()]*)*\)\s*[:{]/.test(after);
}

function isPureModule(specifier: string, clause: string): boolean {
  if (specifier.startsWith(".")) return true;
  if (!isBuiltin(specifier)) return !EFFECTFUL_PACKAGES.test(specifier);
  if (!COMPUTING_MODULES.includes(specifier)) return false;
  if (specifier !== "node:crypto") return true;
  const names = /\{([^}]*)\}/.exec(clause)?.[1];
  if (names === undefined) return false;
  const taken = names.split(",").map(
    (name) =>
      name
        .trim()
        .replace(/^type\s+/, "")
        .split(/\s/)[0] ?? "",
  );
  return taken.every((name) => name === "" || COMPUTING_CRYPTO.includes(name));
}

/** The code with import statements blanked out: the names that they bind are judged by their module. */
function withoutImports(code: string): string {
  return code.replace(
    /(?<![.\w$])import\b[^;"'`()=]*?\bfrom\s*(["']) *\1|\brequire\s*\(\s*(["'`]) *\2/g,
    (statement) => statement.replace(/[^\n]/g, " "),
  );
}
