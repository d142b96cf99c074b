import { hash32 } from "../kernel/hash.ts";

/** A word goes on over the marks on its letters: vowels of Hindi and Tamil are marks, and points of Hebrew. */
const WORDS = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu;
const SEED = 0x6b;
/** Words that every text has say nothing about its writer. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  "a an and are as at be by for from has have i in is it its me my of on or our so that the their this to was we were will with you your".split(
    " ",
  ),
);

/**
 * Hashes of the distinct words of a text: lower case, letters with their marks and digits of any
 * script, without stop words. A script that writes no spaces gives one word a phrase.
 *
 * @param limit - Words at most; the first ones count.
 * @returns Unsigned 32-bit hashes, none of them 0.
 */
export function keywordHashes(text: string, limit: number): number[] {
  const hashes = new Set<number>();
  for (const [word] of text.normalize("NFC").toLowerCase().matchAll(WORDS)) {
    if (hashes.size >= limit) break;
    if (!STOP_WORDS.has(word)) hashes.add(hash32(word, SEED) || 1);
  }
  return [...hashes];
}
