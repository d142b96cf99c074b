import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompress } from "node:zlib";
import type { Compressor } from "../actors/compressor.ts";

/** The fastest regular level: state of floats gains little from a higher one. */
const LEVEL = 1;
const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Zstandard in Node's own pool of threads. */
export const zstdCompressor: Compressor = {
  name: "zstd",
  compress: (bytes) => compress(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } }),
  decompress: (bytes) => decompress(bytes),
};
