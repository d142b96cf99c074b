import { GRID } from "./sample.ts";

/** No embedding is longer than 1; in units of the grid, squared. */
const SQUARED_MAX = (1 / GRID) ** 2;

/**
 * The quantised vector of a sample, in memory of its own.
 *
 * The bound on its length is what one member can weigh at most, so it is checked here and not only believed of the
 * shards: an exact test on integers, since quantisation truncates toward zero.
 *
 * @param bytes - int16, little-endian, at any offset.
 * @returns Shape [dim]; undefined if it is empty, cut, or longer than 1.
 * @see METHODS 1.2c.
 */
export function readVector(bytes: Uint8Array): Int16Array | undefined {
  if (bytes.byteLength === 0 || bytes.byteLength % 2 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const vector = new Int16Array(bytes.byteLength / 2);
  let squared = 0;
  for (let i = 0; i < vector.length; i++) {
    const value = view.getInt16(i * 2, true);
    vector[i] = value;
    squared += value * value;
  }
  return squared <= SQUARED_MAX ? vector : undefined;
}
