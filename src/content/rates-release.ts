import { EngineError } from "../kernel/engine-error.ts";
import { ContentRates } from "./content-rates.ts";

/** Rates as they are published. */
export type RatesRelease = Readonly<{
  /** Time of the newest impression in them, epoch ms: what they are read as of. */
  atMs: number;
  rates: ContentRates;
}>;

/** Before anything is published: every content is as good as any other. */
export const NO_RATES: RatesRelease = { atMs: 0, rates: new ContentRates() };

const HEAD_BYTES = 8;

/**
 * The time as float64, little-endian, and the rates. The same rates give the same bytes.
 *
 * @param what - As {@link ContentRates.encode} takes it.
 */
export function encodeRatesRelease(
  { atMs, rates }: RatesRelease,
  what: "all" | "settled" = "all",
): Uint8Array {
  const encoded = rates.encode(what);
  const bytes = new Uint8Array(HEAD_BYTES + encoded.length);
  new DataView(bytes.buffer).setFloat64(0, atMs, true);
  bytes.set(encoded, HEAD_BYTES);
  return bytes;
}

/** @throws EngineError `RATES_UNREADABLE` or `RECORD_TRUNCATED`. */
export function decodeRatesRelease(bytes: Uint8Array): RatesRelease {
  if (bytes.length < HEAD_BYTES)
    throw new EngineError({
      code: "RATES_UNREADABLE",
      message: "rates end before their content",
      retryable: false,
    });
  const atMs = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true);
  return { atMs, rates: ContentRates.decode(bytes.subarray(HEAD_BYTES)) };
}
