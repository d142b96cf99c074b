import fc from "fast-check";
import { expect, test } from "vitest";
import { fitLinear } from "../../src/embedding/fit-linear.ts";
import { decodeArtefact, encodeArtefact, linearArtefact } from "../../src/embedding/linear-artefact.ts";
import { linearEncoder } from "../../src/embedding/linear-encoder.ts";
import { STATE } from "../../src/embedding/projected-state.ts";
import { someHistories, someMaps, tinySchema } from "./build-histories.ts";

const artefact = fitLinear(someHistories({ users: 60, segments: 2 }), someMaps(2), tinySchema, {
  components: 4,
});
const bytes = encodeArtefact(artefact);

test("an artefact comes back from its bytes number for number, under the same version", () => {
  expect(decodeArtefact(bytes)).toEqual(artefact);
});

test("bytes may lie anywhere in their buffer", () => {
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  expect(decodeArtefact(shifted.subarray(3))).toEqual(artefact);
});

test("any changed byte is noticed", () => {
  const holds = (at: number, change: number) => {
    const damaged = bytes.slice();
    damaged[at] = damaged[at]! ^ change;
    expect(() => decodeArtefact(damaged)).toThrow(expect.objectContaining({ code: "ARTEFACT_CORRUPT" }));
  };
  const place = fc.integer({ min: 0, max: bytes.length - 1 });
  fc.assert(fc.property(place, fc.integer({ min: 1, max: 255 }), holds));
});

test("cut bytes are noticed, at any length", () => {
  for (const length of [0, 5, 64, 80, bytes.length - 1]) {
    const cut = bytes.slice(0, length);
    expect(() => decodeArtefact(cut)).toThrow(expect.objectContaining({ code: "ARTEFACT_CORRUPT" }));
  }
});

test("one of an earlier build, without early rows, is read and serves under its version", () => {
  const { version: _version, ...weights } = artefact;
  const former = linearArtefact({ ...weights, early: new Float32Array(0) });
  const stored = encodeArtefact(former);
  expect(new TextDecoder().decode(stored.subarray(0, 8))).toBe("RESOLIN1");
  expect(decodeArtefact(stored)).toEqual(former);
  expect(linearEncoder(former, tinySchema).slots).toBe(STATE.sums + former.dim);
});

test("the version follows the weights, the normaliser and the schema", () => {
  const nudged = (values: Float32Array) => values.map((value, i) => (i === 0 ? value + 1 : value));
  const versions = [
    artefact,
    linearArtefact({ ...artefact, table: nudged(artefact.table) }),
    linearArtefact({ ...artefact, mean: nudged(artefact.mean) }),
    linearArtefact({ ...artefact, schema: "another" }),
    linearArtefact({ ...artefact, fill: 3 }),
  ].map(({ version }) => version);
  expect(new Set(versions).size).toBe(versions.length);
  expect(linearArtefact(artefact).version).toBe(artefact.version);
});
