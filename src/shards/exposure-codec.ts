import type { Exposure } from "../experiments/unit-metrics.ts";
import type { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";

/** Writes what a unit has done in one experiment. */
export function writeExposure(writer: ByteWriter, exposure: Exposure): void {
  const { arm, hashKey, atMs, covariate, values } = exposure;
  writer.u8(arm);
  writer.text(hashKey);
  writer.f64(atMs);
  writer.f64(covariate);
  writer.u8(values.length);
  for (let i = 0; i < values.length; i++) writer.f64(values[i]!);
}

/** What {@link writeExposure} wrote. */
export function readExposure(reader: ByteReader): Exposure {
  const arm = reader.u8();
  const hashKey = reader.text();
  const atMs = reader.f64();
  const covariate = reader.f64();
  const values = new Float64Array(reader.u8());
  for (let i = 0; i < values.length; i++) values[i] = reader.f64();
  return { arm, hashKey, atMs, covariate, values };
}
