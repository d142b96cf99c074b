import type { FeatureSchema } from "../features/feature-schema.ts";
import { decodeDeepArtefact, isDeepArtefact } from "./deep/deep-artefact.ts";
import { deepEncoder } from "./deep/deep-encoder.ts";
import type { Encoder } from "./encoder.ts";
import { decodeArtefact } from "./linear-artefact.ts";
import { linearEncoder } from "./linear-encoder.ts";

/**
 * Makes a stored artefact serve, of whatever kind it is.
 *
 * @param bytes - May be unaligned; nothing of them is kept.
 * @throws EngineError `ARTEFACT_CORRUPT` if the bytes are cut, changed or of a format that this build does not know.
 * @throws EngineError `SCHEMA_MISMATCH` if the encoder was trained on other features than `schema` reads.
 */
export function decodeEncoder(bytes: Uint8Array, schema: FeatureSchema): Encoder {
  if (isDeepArtefact(bytes)) return deepEncoder(decodeDeepArtefact(bytes), schema);
  return linearEncoder(decodeArtefact(bytes), schema);
}
