/** Makes bytes smaller, off the calling thread where the platform can. */
export interface Compressor {
  /** Names the format: what one has compressed, another of the same name decompresses. */
  readonly name: string;
  compress(bytes: Uint8Array): Promise<Uint8Array>;
  /** Rejects for what {@link Compressor.compress} can't have made. */
  decompress(bytes: Uint8Array): Promise<Uint8Array>;
}
