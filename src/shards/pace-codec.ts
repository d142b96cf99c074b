import type { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";
import { Pace } from "./pace.ts";

/** Of -1, "before the first". Days and minutes since 1970 stay far below. */
const NEVER = 0xffffffff;

/** Writes a pace, in 13 bytes. */
export function writePace({ isBot, minute, acts, day, counted }: Pace, writer: ByteWriter): void {
  writer.u8(isBot ? 1 : 0);
  writer.u32(minute < 0 ? NEVER : minute);
  writer.u16(acts);
  writer.u32(day < 0 ? NEVER : day);
  writer.u16(counted);
}

/** What {@link writePace} wrote. */
export function readPace(reader: ByteReader): Pace {
  const pace = new Pace();
  pace.isBot = reader.u8() === 1;
  const [minute, acts, day, counted] = [reader.u32(), reader.u16(), reader.u32(), reader.u16()];
  if (minute !== NEVER) pace.minute = minute;
  pace.acts = acts;
  if (day !== NEVER) pace.day = day;
  pace.counted = counted;
  return pace;
}
