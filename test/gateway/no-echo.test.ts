import { expect, test } from "vitest";
import { toWireError } from "../../src/kernel/engine-error.ts";
import { seededRandom } from "../../src/kernel/random.ts";
import { framesOf, withoutQuotes } from "../../src/kernel/without-quotes.ts";
import { fuzzWorld } from "../fuzz/fuzz-world.ts";
import { nastyValue } from "../fuzz/mutate.ts";
import { RECORDED } from "../fuzz/recorded-messages.ts";

/** Stands in for an id, a text, a secret: it is nowhere in the code. */
const MARK = "Qzj7wvx";

test("no refusal repeats what was sent: not a value, not a name of a field, not a part that is no JSON", async () => {
  let world = await fuzzWorld();
  const codes = new Set<string>();
  for (const [endpoint, values] of Object.entries(RECORDED)) {
    if (endpoint === "privacy.put") continue; // Its purposes and regions are an operator's words, named to the operator.
    for (const value of values) {
      for (const marked of markedIn(value)) {
        for (const data of [json(marked), json(marked).subarray(0, -2)]) {
          const reply = await world.send(endpoint, data, "application/json");
          const text = new TextDecoder().decode(reply.data);
          if (reply.error !== undefined) {
            codes.add(reply.error.code);
            expect(
              JSON.stringify(reply.error),
              `${endpoint} ${new TextDecoder().decode(data)}`,
            ).not.toContain(MARK);
          }
          // What was defined may be named from then on: it is the operator's.
          else if (/define|put/.test(endpoint)) world = await fuzzWorld();
          for (const refusal of refusedIn(text)) {
            codes.add(refusal.code);
            expect(refusal.message, new TextDecoder().decode(data)).not.toContain(MARK);
          }
        }
      }
    }
  }
  for (const text of [MARK, `{"${MARK}`, `{"a": ${MARK}}`, `{"a": "${MARK}", "${MARK}"}`]) {
    const reply = await world.send("ingest", Buffer.from(text), "application/json");
    expect(reply.error?.message).toMatch(/^the request is not JSON(: see position \d+)?$/);
  }
  for (const expected of [
    "UNKNOWN_FIELD",
    "WRONG_TYPE",
    "BAD_NAME",
    "UNKNOWN_MAP",
    "BAD_SEGMENTS",
    "BAD_CONTENT",
  ])
    expect(codes).toContain(expected);
});

/** The value with a mark in the place of each of its parts, under a field of that name, and beside what does not fit. */
function markedIn(value: unknown): unknown[] {
  const random = seededRandom(3);
  const marked: unknown[] = [];
  const visit = (part: unknown, put: (changed: unknown) => unknown): void => {
    for (const mark of [
      MARK,
      `${MARK}\0`,
      MARK.repeat(200),
      { [MARK]: MARK },
      [MARK],
      { [MARK]: nastyValue(random) },
    ])
      marked.push(put(mark));
    if (typeof part !== "object" || part === null) return;
    if (Array.isArray(part)) {
      for (const [i, one] of part.slice(0, 2).entries()) visit(one, (changed) => put(part.with(i, changed)));
      return;
    }
    for (const [key, one] of Object.entries(part)) visit(one, (changed) => put({ ...part, [key]: changed }));
    for (const one of [1, MARK, { [MARK]: 1 }, null]) marked.push(put({ ...part, [MARK]: one }));
  };
  visit(value, (changed) => changed);
  return marked;
}

function refusedIn(text: string): readonly { code: string; message: string }[] {
  const reply = JSON.parse(text) as { refused?: { code: string; message: string }[] };
  return reply.refused ?? [];
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

test("an error that is not ours is told without what it quotes", () => {
  const parse = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (thrown) {
      return thrown;
    }
  };
  for (const thrown of [
    parse(`{"user": "${MARK}", oops}`),
    parse(MARK),
    new TypeError(`Cannot read properties of undefined (reading '${MARK}')`),
    new Error(`Data read, but end of buffer not reached {"user":"${MARK}","n":1`),
    new Error(`no such row: "${MARK} with \\" inside"`),
    MARK,
    { message: MARK },
  ]) {
    expect(toWireError(thrown)).toMatchObject({ code: "INTERNAL", retryable: true });
    expect(JSON.stringify(toWireError(thrown))).not.toContain(MARK);
  }
  expect(withoutQuotes(new TypeError("x is not a function"))).toBe("x is not a function");
  const refused = Object.assign(new Error("EACCES: permission denied, open '/data/1'"), { syscall: "open" });
  expect(withoutQuotes(refused)).toContain("'/data/1'");
});

test("the frames of an error are told without its message", () => {
  const frames = framesOf(new Error(`${MARK}\n    ${MARK} on a line of its own`));
  expect(frames).toMatch(/^ +at .*no-echo/);
  expect(frames).not.toContain(MARK);
});
