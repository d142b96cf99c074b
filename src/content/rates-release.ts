import { ByteReader } from "../kernel/byte-reader.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import { ContentRates } from "./content-rates.ts";

/** Rates as they are published. */
export type RatesRelease = Readonly<{
  /** Time of the newest impression in them, epoch ms: what they are read as of. */
  atMs: number;
  rates: ContentRates;
  /** How far feedback is believed in each map, where that is known; in (0, 1]. */
  trust: ReadonlyMap<string, number>;
}>;

/** Before anything is published: every content is as good as any other. */
export const NO_RATES: RatesRelease = { atMs: 0, rates: new ContentRates(), trust: new Map() };

/**
 * A release as bytes; the same one gives the same.
 *
 * @param what - As {@link ContentRates.encode} takes it.
 */
export function encodeRatesRelease(
  { atMs, rates, trust }: RatesRelease,
  what: "all" | "settled" = "all",
): Uint8Array {
  const writer = new ByteWriter();
  writer.f64(atMs);
  writer.u16(trust.size);
  for (const map of [...trust.keys()].sort()) {
    writer.text(map);
    writer.f64(trust.get(map) ?? 1);
  }
  const encoded = rates.encode(what);
  writer.u32(encoded.length);
  writer.raw(encoded);
  return writer.finish();
}

/** @throws EngineError `RATES_UNREADABLE` or `RECORD_TRUNCATED`. */
export function decodeRatesRelease(bytes: Uint8Array): RatesRelease {
  const reader = new ByteReader(bytes);
  const atMs = reader.f64();
  const trust = new Map<string, number>();
  for (let left = reader.u16(); left > 0; left--) trust.set(reader.text(), reader.f64());
  return { atMs, trust, rates: ContentRates.decode(reader.raw(reader.u32())) };
}
