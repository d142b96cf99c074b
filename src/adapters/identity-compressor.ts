import type { Compressor } from "../actors/compressor.ts";

/** Leaves bytes as they are: for simulation and tests. */
export const identityCompressor: Compressor = {
  name: "none",
  compress: async (bytes) => bytes,
  decompress: async (bytes) => bytes,
};
