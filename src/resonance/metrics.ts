/** Probability vectors, one a user, and the index of each user's true class. */
type Scores = readonly ArrayLike<number>[];
type Labels = readonly number[];

/** A probability of 0 for what happened would make one mistake infinite. */
const LEAST_PROBABILITY = 1e-15;

/** Mean of -log p(true class), in nats. */
export function logLoss(scores: Scores, labels: Labels): number {
  return mean(labels, (label, i) => -Math.log(Math.max(LEAST_PROBABILITY, at(scores, i, label))));
}

/** Mean squared distance between the vector and the one-hot truth, in [0, 2]. */
export function brierScore(scores: Scores, labels: Labels): number {
  return mean(labels, (label, i) => {
    const vector = scores[i] ?? [];
    let sum = 0;
    for (let k = 0; k < vector.length; k++) sum += (at(scores, i, k) - (k === label ? 1 : 0)) ** 2;
    return sum;
  });
}

/** Share of users whose most probable class is the true one; the first wins a tie. */
export function accuracy(scores: Scores, labels: Labels): number {
  return mean(labels, (label, i) => (mostProbable(scores[i] ?? []) === label ? 1 : 0));
}

/** Mean over the classes that occur of the share recognised. */
export function balancedAccuracy(scores: Scores, labels: Labels): number {
  const seen = new Map<number, { all: number; right: number }>();
  for (const [i, label] of labels.entries()) {
    const count = seen.get(label) ?? { all: 0, right: 0 };
    count.all++;
    if (mostProbable(scores[i] ?? []) === label) count.right++;
    seen.set(label, count);
  }
  return mean([...seen.values()], (count) => count.right / count.all);
}

/**
 * Area under the ROC curve of each class against the rest, averaged over the classes that occur; ties count half.
 *
 * @param classes - Number of real classes; a vector may be longer ("none" is last) and is scored on these.
 * @returns NaN if fewer than two classes occur.
 */
export function macroAuc(scores: Scores, labels: Labels, classes: number): number {
  const areas: number[] = [];
  for (let k = 0; k < classes; k++) {
    const area = auc(
      scores.map((_, i) => at(scores, i, k)),
      labels.map((label) => label === k),
    );
    if (!Number.isNaN(area)) areas.push(area);
  }
  return areas.length === 0 ? Number.NaN : mean(areas, (area) => area);
}

/** Area under the ROC curve (Mann-Whitney); ties count half. NaN if one side is empty. */
export function auc(values: readonly number[], positive: readonly boolean[]): number {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] ?? 0) - (values[b] ?? 0));
  let rankSum = 0;
  let positives = 0;
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && values[order[to] ?? 0] === values[order[from] ?? 0]) to++;
    const rank = (from + 1 + to) / 2; // Tied values share their middle rank.
    for (let j = from; j < to; j++) {
      if (positive[order[j] ?? 0] !== true) continue;
      rankSum += rank;
      positives++;
    }
    from = to;
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return Number.NaN;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Expected calibration error of the confidence (the highest probability): the mean gap between confidence and
 * accuracy over bins.
 *
 * @param binning - `mass`: bins of as equal a number of users as can be. `width`: bins of equal width on [0, 1].
 * @see Guo et al. 2017.
 */
export function calibrationError(
  scores: Scores,
  labels: Labels,
  bins: number,
  binning: "mass" | "width" = "mass",
): number {
  const users = labels.map((label, i) => {
    const vector = scores[i] ?? [];
    const top = mostProbable(vector);
    return { confidence: vector[top] ?? 0, right: top === label ? 1 : 0 };
  });
  users.sort((a, b) => a.confidence - b.confidence);
  shareTies(users);
  const sums = Array.from({ length: bins }, () => ({ gap: 0 }));
  for (const [rank, user] of users.entries()) {
    const share = binning === "mass" ? rank / users.length : Math.min(user.confidence, 1 - Number.EPSILON);
    const bin = sums[Math.floor(share * bins)];
    if (bin !== undefined) bin.gap += user.confidence - user.right;
  }
  return sums.reduce((sum, bin) => sum + Math.abs(bin.gap), 0) / Math.max(1, users.length);
}

/** Users of one confidence are right as often as all of them together: no bin tells by the order in which they came. */
function shareTies(users: { readonly confidence: number; right: number }[]): void {
  for (let from = 0; from < users.length; ) {
    let to = from;
    let right = 0;
    while (to < users.length && users[to]!.confidence === users[from]!.confidence)
      right += users[to++]!.right;
    for (let i = from; i < to; i++) users[i]!.right = right / (to - from);
    from = to;
  }
}

/**
 * The calibration error that perfectly calibrated confidences would show on as many users in as many bins of equal
 * mass, by chance alone: what a measured one has to be compared with.
 */
export function calibrationErrorByChance(scores: Scores, bins: number): number {
  const confidences = scores.map((vector) => vector[mostProbable(vector)] ?? 0).sort((a, b) => a - b);
  const variances = new Float64Array(bins);
  for (const [rank, confidence] of confidences.entries()) {
    const bin = Math.floor((rank / confidences.length) * bins);
    variances[bin] = variances[bin]! + confidence * (1 - confidence);
  }
  // The mean size of a normal deviation is sqrt(2 / pi) of its standard deviation.
  const gaps = variances.reduce((sum, variance) => sum + Math.sqrt((2 / Math.PI) * variance), 0);
  return gaps / Math.max(1, confidences.length);
}

/** Mean of b's log-loss less a's, a user, and its standard error: how much better `a` tells, and how surely. */
export function logLossGain(
  a: Scores,
  b: Scores,
  labels: Labels,
): Readonly<{ mean: number; standardError: number }> {
  const gains = labels.map((label, i) => {
    const [ours, theirs] = [at(a, i, label), at(b, i, label)];
    return Math.log(Math.max(LEAST_PROBABILITY, ours)) - Math.log(Math.max(LEAST_PROBABILITY, theirs));
  });
  const average = mean(gains, (gain) => gain);
  const squares = gains.reduce((sum, gain) => sum + (gain - average) ** 2, 0);
  const count = gains.length;
  return { mean: average, standardError: count > 1 ? Math.sqrt(squares / (count - 1) / count) : 0 };
}

function mostProbable(vector: ArrayLike<number>): number {
  let best = 0;
  for (let k = 1; k < vector.length; k++) if ((vector[k] ?? 0) > (vector[best] ?? 0)) best = k;
  return best;
}

function at(scores: Scores, i: number, k: number): number {
  return scores[i]?.[k] ?? 0;
}

function mean<T>(values: readonly T[], of: (value: T, index: number) => number): number {
  return values.reduce((sum, value, index) => sum + of(value, index), 0) / values.length;
}
