/** Compares texts in the order of their UTF-8 bytes, as stores keep their keys: negative if `a` comes first. */
export function compareIds(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for characters behind all others, though their codes do not. */
function rank(code: number): number {
  if (code >= 0xe000) return code - 0x800;
  return code >= 0xd800 ? code + 0x2000 : code;
}
