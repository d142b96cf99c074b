import { EngineError } from "../../kernel/engine-error.ts";
import { sha256Hex } from "../../kernel/hash.ts";
import type { LinearWeights } from "../linear-artefact.ts";
import type { DeepKind } from "./network-shape.ts";
import { packArrays, unpackArrays } from "./pack-arrays.ts";

/** A linear encoder but for what tokens say early only: how much a visitor's age matters, the network learns itself. */
export type NetworkBase = Omit<LinearWeights, "early">;

/**
 * A trained network as numbers. It adds to the projection `v` of a linear encoder (see {@link NetworkBase}, whose
 * token table the training has refined) before the embedding is composed.
 */
export type DeepWeights = Readonly<{
  kind: DeepKind;
  base: NetworkBase;
  /** By name, in the order of {@link import("./network-shape.ts").servedArrays}. */
  arrays: Readonly<Record<string, Float32Array>>;
}>;

/** Weights under the version that names them. */
export type DeepArtefact = DeepWeights & Readonly<{ version: string }>;

const MAGIC = "RESNET01";
const VERSION_DIGITS = 16;
const BASE_ARRAYS = ["tokens", "table", "mean", "scale", "dense", "bias"] as const;

/** Names weights by their content: SHA-256 over manifest and numbers, the feature schema among them. */
export function deepArtefact(weights: DeepWeights): DeepArtefact {
  return { ...weights, version: versionOf(weights.kind, bodyOf(weights)) };
}

/** The artefact as bytes: magic, manifest as JSON, the arrays, and the SHA-256 of all that. */
export function encodeDeepArtefact(artefact: DeepArtefact): Uint8Array {
  return bodyOf(artefact);
}

/** Whether bytes claim to be of this format. */
export function isDeepArtefact(bytes: Uint8Array): boolean {
  return new TextDecoder("latin1").decode(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/**
 * Reads {@link encodeDeepArtefact}'s bytes; they may be unaligned, the arrays are copies.
 *
 * @throws EngineError `ARTEFACT_CORRUPT` if the bytes are cut or changed.
 */
export function decodeDeepArtefact(bytes: Uint8Array): DeepArtefact {
  const unpacked = unpackArrays(MAGIC, bytes);
  if (unpacked === undefined) {
    const message = "the encoder cannot be read: its digest does not match";
    throw new EngineError({ code: "ARTEFACT_CORRUPT", message, retryable: false });
  }
  // The digest vouches for the content, so that the fields are what bodyOf wrote.
  const { kind, ...fields } = unpacked.fields as { kind: DeepKind } & NetworkBase;
  const { tokens, table, mean, scale, dense, bias, ...arrays } = unpacked.arrays;
  const taken = { table, mean, scale, dense, bias } as Omit<Pick<LinearWeights, BaseArray>, "tokens">;
  return {
    kind,
    base: { ...fields, ...taken, tokens: new Uint32Array((tokens ?? new Float32Array()).buffer) },
    arrays,
    version: versionOf(kind, bytes),
  };
}

type BaseArray = (typeof BASE_ARRAYS)[number];

function bodyOf({ kind, base, arrays }: DeepWeights): Uint8Array {
  const { schema, dim, supervised, fill, halfLifeMs, power, valueSplits } = base;
  const fields = { kind, schema, dim, supervised, fill, halfLifeMs, power, valueSplits };
  const { buffer, byteOffset, length } = base.tokens;
  const { table, mean, scale, dense, bias } = base;
  const tokens = new Float32Array(buffer, byteOffset, length); // Only its bytes are copied.
  return packArrays(MAGIC, fields, { tokens, table, mean, scale, dense, bias, ...arrays });
}

function versionOf(kind: DeepKind, body: Uint8Array): string {
  return `${kind}-${sha256Hex(body).slice(0, VERSION_DIGITS)}`;
}
