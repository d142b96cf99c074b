import { isUtf8 } from "node:buffer";
import { LIMITS } from "./limits.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** Sizes of the types with a fixed body, by first byte from 0xc0; -1 where another rule holds. */
const FIXED: Readonly<Record<number, number>> = {
  192: 0, // nil
  194: 0, // false
  195: 0, // true
  202: 4, // float 32
  203: 8, // float 64
  204: 1, // uint 8 .. 64
  205: 2,
  206: 4,
  207: 8,
  208: 1, // int 8 .. 64
  209: 2,
  210: 4,
  211: 8,
};

/**
 * Walks a MessagePack value before any decoder touches it: it must be one whole value of plain types in valid UTF-8,
 * not nested too deep. So neither extensions, nor lengths that promise more than there is, nor deep nesting reach the
 * decoder, and no broken text is stored as something else.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function checkMsgpack(bytes: Uint8Array): Refusal | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length;
  /** Values still to come at each open level. */
  const open: number[] = [1];
  let at = 0;
  const length = (size: 1 | 2 | 4): number => {
    if (at + size > end) return Number.POSITIVE_INFINITY;
    const value = size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
    at += size;
    return value;
  };
  while (open.length > 0) {
    const left = open.at(-1) ?? 0;
    if (left === 0) {
      open.pop();
      continue;
    }
    open[open.length - 1] = left - 1;
    if (at >= end) return truncated();
    const first = view.getUint8(at++);
    let body = 0;
    let children = 0;
    const isText = (first >= 0xa0 && first <= 0xbf) || (first >= 0xd9 && first <= 0xdb);
    if (first <= 0x7f || first >= 0xe0) body = 0;
    else if (first <= 0x8f) children = 2 * (first & 0x0f);
    else if (first <= 0x9f) children = first & 0x0f;
    else if (first <= 0xbf) body = first & 0x1f;
    else if (first === 0xd9) body = length(1);
    else if (first === 0xda) body = length(2);
    else if (first === 0xdb) body = length(4);
    else if (first === 0xdc) children = length(2);
    else if (first === 0xdd) children = length(4);
    else if (first === 0xde) children = 2 * length(2);
    else if (first === 0xdf) children = 2 * length(4);
    else {
      const fixed = FIXED[first];
      if (fixed === undefined) return refuse("MALFORMED_MSGPACK", "binary and extension types are not taken");
      body = fixed;
    }
    if (body > end - at || children > end - at) return truncated(); // A child takes at least a byte.
    if (isText && !isPlainUtf8(bytes, at, at + body))
      return refuse("MALFORMED_MSGPACK", "a text is not UTF-8");
    at += body;
    if (children > 0) {
      if (open.length >= LIMITS.depth)
        return refuse("TOO_DEEP", `a request may be nested ${LIMITS.depth} deep at most`);
      open.push(children);
    }
  }
  return at === end ? undefined : refuse("MALFORMED_MSGPACK", "bytes follow the first value");
}

/** Most texts are ASCII: only others are worth a call of the built-in. */
function isPlainUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((bytes[i] ?? 0) > 0x7f) return isUtf8(bytes.subarray(i, end));
  return true;
}

function truncated(): Refusal {
  return refuse("MALFORMED_MSGPACK", "the value ends before its content");
}
