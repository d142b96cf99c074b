import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { BusReply } from "../../src/actors/bus.ts";
import { JSON_TYPE, mutants } from "./fuzz-inputs.ts";
import { fuzzTarget, TARGETS } from "./fuzz-targets.ts";
import { fuzzWorld } from "./fuzz-world.ts";
import { RECORDED } from "./recorded-messages.ts";
import { runFuzz } from "./run-fuzz.ts";

const SEED = 20_260_105;
const INPUTS = 1_500;

test.for(TARGETS)(
  "%s: whatever is sent is answered, or refused with a documented code, and nothing else happens",
  { timeout: 120_000 },
  async (name) => {
    const target = await fuzzTarget(name);
    const report = await runFuzz(target, { inputs: INPUTS, seed: SEED });
    await target.close?.();
    expect(report.findings).toEqual([]);
    expect(report.inputs).toBe(INPUTS);
    expect(report.answered).toBeGreaterThan(INPUTS / 40);
    expect(Object.keys(report.codes).length).toBeGreaterThanOrEqual(4);
  },
);

test("docs/security.md has what was measured of each target, with 100,000 inputs", () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/security.md"), "utf8");
  const rows = page.split("\n").filter((line) => /^\| `[a-z.-]+`.*\| 100,000 \|/.test(line));
  expect(rows.map((row) => /`([a-z.-]+)`/.exec(row)?.[1])).toEqual([...TARGETS]);
});

test("what mutants are made of is valid", async () => {
  const world = await fuzzWorld();
  await world.send("content.put", json(RECORDED["content.put"]?.[0]), JSON_TYPE);
  for (const [endpoint, values] of Object.entries(RECORDED)) {
    for (const value of values) {
      const reply = await world.send(endpoint, json(value), JSON_TYPE);
      const isMadeUp = endpoint === "explain" && "decision" in (value as object);
      expect(reply.error?.code, `${endpoint} ${JSON.stringify(value)}`).toBe(
        isMadeUp ? "BAD_DECISION" : undefined,
      );
      expect(new TextDecoder().decode(reply.data)).not.toContain('"refused":[{');
    }
  }
  expect(world.deadLetters).toEqual([]);
  expect(world.folded()).toBeGreaterThan(40);
});

test("a seed gives the same mutants again, and another seed others", async () => {
  const { shape } = await fuzzTarget("score");
  const some = (seed: number) => {
    const next = mutants(shape, seed);
    return Array.from({ length: 100 }, () => Buffer.from(next().data).toString("base64"));
  };
  expect(some(3)).toEqual(some(3));
  expect(some(4)).not.toEqual(some(3));
});

const ANSWER: BusReply = { data: json({}), contentType: JSON_TYPE };
let grown: unknown[] = [];

test.for<[string, (place: number) => BusReply, string]>([
  ["a crash", (place) => (place === 70 ? crash() : ANSWER), "thrown Error: it broke"],
  ["an error without a code of its own", (place) => (place === 70 ? failed("INTERNAL") : ANSWER), "INTERNAL"],
  ["an undocumented code", (place) => (place === 70 ? failed("ODD_CODE") : ANSWER), "is not documented"],
  ["a stall", (place) => (place === 70 ? stall() : ANSWER), "a turn of"],
  ["a polluted prototype", (place) => (place === 70 ? pollute() : ANSWER), "the prototype of objects"],
  ["memory that grows", () => keep(), "memory grew"],
])("planted, it is found: %s", async ([, answer, found]) => {
  let place = 0;
  const { shape } = await fuzzTarget("ingest-json");
  const target = { name: "planted", shape, send: async () => answer(place++) };
  const { findings } = await runFuzz(target, { inputs: 400, seed: SEED });
  grown = [];
  Reflect.deleteProperty(Object.prototype, "planted");
  expect(findings.join()).toContain(found);
});

function crash(): never {
  throw new Error("it broke");
}

function failed(code: string): BusReply {
  return { ...ANSWER, error: { code, message: "planted", retryable: false } };
}

function stall(): BusReply {
  const began = process.threadCpuUsage();
  while (process.threadCpuUsage(began).user < 150_000);
  return ANSWER;
}

function pollute(): BusReply {
  Object.assign(Object.prototype, { planted: 1 });
  return ANSWER;
}

function keep(): BusReply {
  grown.push(new Float64Array(10_000));
  return ANSWER;
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
