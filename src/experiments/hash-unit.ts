import { hash } from "node:crypto";
import { assertNever } from "../kernel/assert.ts";

/** `sha256` is the engine's own; the others give the same numbers as GrowthBook's versions 2 and 1. */
export type HashMode = "sha256" | "growthbook-v2" | "growthbook-v1";

/**
 * A unit's number in an experiment: uniform, and independent of those of other seeds (except for `growthbook-v1`,
 * which is kept for experiments that began with it).
 *
 * @param seed - The experiment's.
 * @param unit - The unit's hash key.
 * @returns In [0, 1): of 52 bits for `sha256`, a multiple of 1/10,000 or 1/1,000 for the others.
 * @see METHODS 4.1; GrowthBook's SDK, `hash`.
 */
export function hashUnit(mode: HashMode, seed: string, unit: string): number {
  switch (mode) {
    case "sha256":
      return ofSha256(seed, unit);
    case "growthbook-v2":
      return (fnv1a(String(fnv1a(seed + unit))) % 10_000) / 10_000;
    case "growthbook-v1":
      return (fnv1a(unit + seed) % 1_000) / 1_000;
    default:
      return assertNever(mode);
  }
}

/** Between seed and unit: without it "exp1" and "0a" are hashed as "exp10" and "a" are. No id holds it. */
const DELIMITER = "\u001f";

/** Hexadecimal digits of 52 bits. */
const DIGITS = 13;

/** The top 52 bits, over 2^52. In one call: with a hash that is fed part by part it takes three times as long. */
function ofSha256(seed: string, unit: string): number {
  const digest = hash("sha256", `${seed}${DELIMITER}${unit}`, "hex");
  return Number.parseInt(digest.slice(0, DIGITS), 16) / 2 ** 52;
}

/** FNV-1a over UTF-16 code units, as GrowthBook has it: an unsigned 32-bit integer. */
function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}
