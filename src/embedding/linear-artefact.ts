import { EngineError } from "../kernel/engine-error.ts";
import { sha256Hex } from "../kernel/hash.ts";

/**
 * A fitted linear encoder as numbers. An embedding is made of
 * `v = sum(weight * (table[token] + 2 / (events + 1) * early[token])) / (events + 1)^power + clip((features - mean) * scale)
 * dense + bias`, where events and weights decay with `halfLifeMs`; `v` holds first the supervised directions y, then
 * the rest w: `embedding = [y, fill w/|w|] / sqrt(fill^2 + |y|^2)`, whose norm is 1.
 */
export type LinearWeights = Readonly<{
  /** Version of the feature schema that `mean`, `scale` and `dense` belong to. */
  schema: string;
  dim: number;
  /** Leading dimensions that tell segments apart; at least 1, at most `dim`. */
  supervised: number;
  /** Length of the unsupervised part before the embedding is normalised, > 0. */
  fill: number;
  halfLifeMs: number;
  /** Exponent of the evidence by which sums are divided, in [0, 1]. */
  power: number;
  /** Pairs of type hash and value at which an event of that type counts as high. */
  valueSplits: readonly (readonly [typeHash: number, split: number])[];
  /** Known tokens, rising; shape [tokens]. */
  tokens: Uint32Array;
  /** Shape [tokens, dim]. */
  table: Float32Array;
  /** What a token says beyond that while a visitor is new; shape [tokens, supervised], or [0] in encoders of earlier builds. */
  early: Float32Array;
  /** Shape [features]. */
  mean: Float32Array;
  /** One over the standard deviation, 0 for a feature that says nothing; shape [features]. */
  scale: Float32Array;
  /** Shape [features, dim]. */
  dense: Float32Array;
  /** Shape [dim]. */
  bias: Float32Array;
}>;

/** Weights under the version that names them. */
export type LinearArtefact = LinearWeights & Readonly<{ version: string }>;

/** Of encoders without early rows, which earlier builds fitted, and with them. */
const MAGICS = ["RESOLIN1", "RESOLIN2"] as const;
const MAGIC_LENGTH = 8;
const ARRAYS = ["tokens", "table", "early", "mean", "scale", "dense", "bias"] as const;
/** Magic, then the header's length as uint32. */
const HEADER_AT = 12;
/** Digits of the SHA-256 that name a version: enough that two never meet by chance. */
const VERSION_DIGITS = 16;

/** Dimensions that tokens have early rows of: numbers of a user's state behind the sums. */
export function earlyDims({ early, supervised }: Pick<LinearWeights, "early" | "supervised">): number {
  return early.length === 0 ? 0 : supervised;
}

/** Names weights by their content: SHA-256 over header and numbers. */
export function linearArtefact(weights: LinearWeights): LinearArtefact {
  return { ...weights, version: versionOf(bodyOf(weights)) };
}

/**
 * The artefact as bytes: magic and format version, the header as JSON, the arrays in little-endian order, and the
 * SHA-256 of all that.
 */
export function encodeArtefact(artefact: LinearArtefact): Uint8Array {
  const body = bodyOf(artefact);
  const digest = sha256Hex(body);
  const bytes = new Uint8Array(body.length + digest.length);
  bytes.set(body);
  bytes.set(new TextEncoder().encode(digest), body.length);
  return bytes;
}

/**
 * Reads {@link encodeArtefact}'s bytes; they may be unaligned, the arrays are copies.
 *
 * @throws EngineError `ARTEFACT_CORRUPT` if the bytes are cut, changed or of another format.
 */
export function decodeArtefact(bytes: Uint8Array): LinearArtefact {
  const end = bytes.length - 64;
  const magic = new TextDecoder("latin1").decode(bytes.subarray(0, MAGIC_LENGTH));
  if (end < HEADER_AT || !MAGICS.some((known) => known === magic)) {
    throw corrupt("it does not begin as an encoder of this format");
  }
  const body = bytes.subarray(0, end);
  if (sha256Hex(body) !== new TextDecoder("latin1").decode(bytes.subarray(end))) {
    throw corrupt("its digest does not match");
  }
  const headerEnd = HEADER_AT + new DataView(body.buffer, body.byteOffset).getUint32(MAGIC_LENGTH, true);
  // The digest vouches for the content, so that the header is what encodeArtefact wrote.
  const { lengths, ...header } = JSON.parse(new TextDecoder().decode(body.subarray(HEADER_AT, headerEnd)));
  let at = headerEnd;
  const next = (name: (typeof ARRAYS)[number]): ArrayBuffer => {
    if (name === "early" && magic === MAGICS[0]) return new ArrayBuffer(0);
    const copied = body.slice(at, at + 4 * lengths.shift());
    at += copied.length;
    return littleEndian(copied).buffer;
  };
  const [tokens, table, early, mean, scale, dense, bias] = ARRAYS.map(next) as ArrayBuffer[] & { length: 7 };
  return {
    ...header,
    tokens: new Uint32Array(tokens!),
    table: new Float32Array(table!),
    early: new Float32Array(early!),
    mean: new Float32Array(mean!),
    scale: new Float32Array(scale!),
    dense: new Float32Array(dense!),
    bias: new Float32Array(bias!),
    version: versionOf(body),
  };
}

function versionOf(body: Uint8Array): string {
  return `linear-${sha256Hex(body).slice(0, VERSION_DIGITS)}`;
}

function bodyOf(weights: LinearWeights): Uint8Array {
  const { schema, dim, supervised, fill, halfLifeMs, power, valueSplits } = weights;
  const arrays = earlyDims(weights) === 0 ? ARRAYS.filter((name) => name !== "early") : ARRAYS;
  const lengths = arrays.map((name) => weights[name].length);
  const fields = { schema, dim, supervised, fill, halfLifeMs, power, valueSplits, lengths };
  const header = new TextEncoder().encode(JSON.stringify(fields));
  const body = new Uint8Array(
    HEADER_AT + header.length + 4 * lengths.reduce((sum, length) => sum + length, 0),
  );
  body.set(new TextEncoder().encode(MAGICS[arrays === ARRAYS ? 1 : 0]));
  new DataView(body.buffer).setUint32(MAGIC_LENGTH, header.length, true);
  body.set(header, HEADER_AT);
  let at = HEADER_AT + header.length;
  for (const name of arrays) {
    const { buffer, byteOffset, byteLength } = weights[name];
    body.set(littleEndian(new Uint8Array(buffer, byteOffset, byteLength).slice()), at);
    at += byteLength;
  }
  return body;
}

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Reverses each four bytes in place on a big-endian machine. */
function littleEndian<Bytes extends Uint8Array>(bytes: Bytes): Bytes {
  if (HOST_IS_LITTLE_ENDIAN) return bytes;
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  return bytes;
}

function corrupt(reason: string): EngineError {
  const message = `the encoder cannot be read: ${reason}`;
  return new EngineError({ code: "ARTEFACT_CORRUPT", message, retryable: false, detail: { reason } });
}
