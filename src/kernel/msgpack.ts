import { Packr } from "msgpackr";

/**
 * MessagePack between the engine's own parts. Every message stands alone (no shared record structures), maps
 * are plain objects and 64-bit integers are numbers. What comes from outside goes through
 * `src/events/decode-request.ts` instead, which trusts nothing.
 */
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: "number",
  copyBuffers: true, // A view would start at an odd byte and keep the whole message alive.
});

/** Packs plain data into bytes. */
export function encode(value: unknown): Uint8Array {
  return packr.pack(value);
}

/** Unpacks what {@link encode} made. */
export function decode(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
