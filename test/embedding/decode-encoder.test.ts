import { expect, test } from "vitest";
import { decodeEncoder } from "../../src/embedding/decode-encoder.ts";
import { fitLinear } from "../../src/embedding/fit-linear.ts";
import { encodeArtefact } from "../../src/embedding/linear-artefact.ts";
import { someHistories, someMaps, tinySchema } from "./build-histories.ts";

test("an artefact says itself what it is", () => {
  const artefact = fitLinear(someHistories({ users: 60, segments: 2 }), someMaps(2), tinySchema, { seed: 1 });
  const encoder = decodeEncoder(encodeArtefact(artefact), tinySchema);
  expect(encoder).toMatchObject({ kind: "linear", version: artefact.version, trained: true });
});

test("bytes of no known format are refused", () => {
  const bytes = new TextEncoder().encode("RESXXXX1".padEnd(200));
  expect(() => decodeEncoder(bytes, tinySchema)).toThrow(
    expect.objectContaining({ code: "ARTEFACT_CORRUPT" }),
  );
});
