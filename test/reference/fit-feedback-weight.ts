import type { LabelledLedger } from "../../src/content/feedback-trust.ts";
import { softmaxInPlace } from "../../src/embedding/softmax.ts";

export type FeedbackWeight = Readonly<{
  /** In [{@link WEIGHT_MIN}, 1]. */
  weight: number;
  /** Mean log-loss of the true segments under it, in nats, and without any feedback. */
  logLoss: number;
  logLossWithout: number;
}>;

/** Feedback that says nothing keeps a little, or it could never be found to say something again. */
export const WEIGHT_MIN = 0.05;
/** With fewer the weight is as it would be if clicks were independent. */
const EXAMPLES_MIN = 100;
const BISECTIONS = 30;

/**
 * How far feedback is to be believed: the weight under which ledgers tell members' segments best. The log-loss is convex in
 * it, so its slope is halved down to zero.
 *
 * @see METHODS 3.2 and 3.3 (w_f).
 */
export function fitFeedbackWeight(examples: readonly LabelledLedger[]): FeedbackWeight {
  let [low, high] = [WEIGHT_MIN, 1];
  if (examples.length >= EXAMPLES_MIN && measure(examples, high).slope > 0) {
    for (let step = 0; step < BISECTIONS; step++) {
      const middle = (low + high) / 2;
      if (measure(examples, middle).slope > 0) high = middle;
      else low = middle;
    }
  }
  const weight = high;
  return {
    weight,
    logLoss: measure(examples, weight).logLoss,
    logLossWithout: measure(examples, 0).logLoss,
  };
}

/** Mean log-loss and its slope in the weight. */
function measure(examples: readonly LabelledLedger[], weight: number): { logLoss: number; slope: number } {
  let [logLoss, slope] = [0, 0];
  for (const { logits, offsets, truth } of examples) {
    const probabilities = logits.map((logit, k) => logit + weight * offsets[k]!);
    softmaxInPlace(probabilities);
    logLoss -= Math.log(probabilities[truth]!);
    let expected = 0;
    for (let k = 0; k < probabilities.length; k++) expected += probabilities[k]! * offsets[k]!;
    slope += expected - offsets[truth]!;
  }
  const count = Math.max(1, examples.length);
  return { logLoss: logLoss / count, slope: slope / count };
}
