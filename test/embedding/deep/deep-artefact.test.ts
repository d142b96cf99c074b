import { Buffer } from "node:buffer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeEncoder } from "../../../src/embedding/decode-encoder.ts";
import {
  decodeDeepArtefact,
  deepArtefact,
  encodeDeepArtefact,
} from "../../../src/embedding/deep/deep-artefact.ts";
import { deepEncoder } from "../../../src/embedding/deep/deep-encoder.ts";
import type { DeepKind } from "../../../src/embedding/deep/network-shape.ts";
import { fitLinear } from "../../../src/embedding/fit-linear.ts";
import { anEvent, otherSchema, START_MS, someHistories, someMaps, tinySchema } from "../build-histories.ts";
import { aNetwork } from "./build-network.ts";

const KINDS: readonly DeepKind[] = ["autoencoder", "gru", "transformer"];
const base = fitLinear(someHistories({ users: 60, segments: 2 }), someMaps(2), tinySchema, { seed: 1 });
const HOUR_MS = 3_600_000;

test.for(KINDS)("%s: an artefact is read as it was written, from unaligned bytes and Buffers too", (kind) => {
  const artefact = deepArtefact(aNetwork(kind, base));
  const bytes = encodeDeepArtefact(artefact);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  expect(decodeDeepArtefact(shifted.subarray(3))).toMatchObject({ kind, version: artefact.version });
  const { version: _version, early: _early, ...held } = base;
  expect(decodeDeepArtefact(Buffer.from(bytes)).base).toEqual(held);
  expect(decodeDeepArtefact(bytes).arrays).toEqual(artefact.arrays);
  expect(decodeEncoder(bytes, tinySchema)).toMatchObject({ kind, version: artefact.version });
});

test("the version names weights, feature schema and normaliser: a change of any is another version", () => {
  const network = aNetwork("gru", base);
  const { version } = deepArtefact(network);
  const changed = [
    { ...network, base: { ...base, schema: "another" } },
    { ...network, base: { ...base, mean: base.mean.map((value) => value + 1) } },
    { ...network, arrays: { ...network.arrays, gateBias: new Float32Array(64) } },
    aNetwork("transformer", base),
  ];
  for (const other of changed) expect(deepArtefact(other).version).not.toBe(version);
});

test("bytes that are cut or changed are refused", () => {
  const bytes = encodeDeepArtefact(deepArtefact(aNetwork("gru", base)));
  const refused = expect.objectContaining({ code: "ARTEFACT_CORRUPT" });
  fc.assert(
    fc.property(fc.integer({ min: 8, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const damaged = bytes.slice();
      damaged[at]! ^= by;
      expect(() => decodeEncoder(damaged, tinySchema)).toThrow(refused);
      expect(() => decodeEncoder(bytes.subarray(0, at), tinySchema)).toThrow(refused);
    }),
    { numRuns: 40 },
  );
});

test.for(KINDS)("%s: features of another schema are refused", (kind) => {
  const thrown = () => deepEncoder(deepArtefact(aNetwork(kind, base)), otherSchema);
  expect(thrown).toThrow(expect.objectContaining({ code: "SCHEMA_MISMATCH" }));
});

test.for(KINDS)("%s: an embedding has length 1, and events of nothing known change nothing", (kind) => {
  const encoder = deepEncoder(deepArtefact(aNetwork(kind, base)), tinySchema);
  const slab = new Float64Array(encoder.slots + 2).fill(7, encoder.slots);
  encoder.fold(slab, 0, anEvent({ item: "own-0-1" }));
  const before = slab.slice();
  encoder.fold(slab, 0, anEvent({ item: "never seen", tsMs: START_MS + HOUR_MS }));
  expect(slab).toEqual(before);
  expect(encoder.evidence(slab, 0, START_MS)).toBe(1);
  const out = new Float32Array(encoder.dim);
  encoder.embed(slab, 0, new Float32Array(tinySchema.width), START_MS + HOUR_MS, out);
  expect(Math.hypot(...out)).toBeCloseTo(1, 5);
  expect(slab.subarray(encoder.slots)).toEqual(Float64Array.of(7, 7)); // Its neighbours' slots are not its own.
});

test.for(KINDS)("%s: a late event counts in the sums at its age, and the network passes over it", (kind) => {
  const encoder = deepEncoder(deepArtefact(aNetwork(kind, base)), tinySchema);
  const [early, late] = [
    anEvent({ item: "own-0-1" }),
    anEvent({ item: "own-1-1", tsMs: START_MS + HOUR_MS }),
  ];
  const [inOrder, reversed] = [new Float64Array(encoder.slots), new Float64Array(encoder.slots)];
  for (const event of [early, late]) encoder.fold(inOrder, 0, event);
  for (const event of [late, early]) encoder.fold(reversed, 0, event);
  const sums = 2 + encoder.dim;
  for (let i = 0; i < sums; i++) expect(reversed[i]).toBeCloseTo(inOrder[i]!, 9);
  const alone = new Float64Array(encoder.slots);
  encoder.fold(alone, 0, late);
  expect(reversed.subarray(sums)).toEqual(alone.subarray(sums));
});
