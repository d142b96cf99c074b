/** UTF-8 bytes of a well-formed text, counted without encoding it. */
export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x7f) continue;
    const isSurrogate = code >= 0xd800 && code <= 0xdfff;
    bytes += code <= 0x7ff || isSurrogate ? 1 : 2; // A pair is two units and four bytes.
  }
  return bytes;
}

/** No text has more UTF-8 bytes than this. */
export function utf8BytesAtMost(text: string): number {
  return text.length * 3;
}

/** Whether a text has at most `limit` UTF-8 bytes; most texts are so short that nothing needs counting. */
export function fitsUtf8(text: string, limit: number): boolean {
  return utf8BytesAtMost(text) <= limit || (text.length <= limit && utf8Bytes(text) <= limit);
}
