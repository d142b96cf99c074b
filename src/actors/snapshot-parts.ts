/** Bytes of a chunk's length, in front of it. */
const LENGTH_BYTES = 4;

/** Joins chunks into one part, each with its length in front. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const size = chunks.reduce((sum, chunk) => sum + LENGTH_BYTES + chunk.length, 0);
  const part = new Uint8Array(size);
  const view = new DataView(part.buffer);
  let at = 0;
  for (const chunk of chunks) {
    view.setUint32(at, chunk.length, true);
    part.set(chunk, at + LENGTH_BYTES);
    at += LENGTH_BYTES + chunk.length;
  }
  return part;
}

/**
 * The chunks that {@link joinChunks} joined, as views.
 *
 * @returns Undefined if the bytes end in the middle of a chunk.
 */
export function splitChunks(bytes: Uint8Array): Uint8Array[] | undefined {
  // Of a Buffer, every view would be a Buffer, which costs more to make.
  const part = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const view = new DataView(part.buffer, part.byteOffset, part.byteLength);
  const chunks: Uint8Array[] = [];
  let at = 0;
  while (at < part.length) {
    if (at + LENGTH_BYTES > part.length) return undefined;
    const end = at + LENGTH_BYTES + view.getUint32(at, true);
    if (end > part.length) return undefined;
    chunks.push(part.subarray(at + LENGTH_BYTES, end));
    at = end;
  }
  return chunks;
}
