/** The segments that a fit has to tell apart. */
export type LabelledMap = Readonly<{ name: string; segments: readonly string[] }>;

/** What a fit is started with; the defaults were measured on the three real data sets (docs/encoders.md). */
export type FitOptions = Readonly<{
  /** Draws the truncations, the folds and the projection's start: the same seed gives the same bytes. */
  seed: number;
  /** Age at which an event counts one half. */
  halfLifeMs: number;
  /** Histories beyond this many are left out, by hash of the user. */
  usersMax: number;
  /** Known tokens: the most widely used ones. */
  tokensMax: number;
  /** Unsupervised components of the tokens. */
  components: number;
  /** Embedding dimensions at least, and at most. */
  dimMin: number;
  dimMax: number;
  /** Dimensions that are kept for what no segment asks about yet. */
  freeDims: number;
  /** Users whose votes the overall share of a segment counts as, for each token. */
  smoothing: number;
  /**
   * Penalties on the squared weights of the regressions, the largest first, one regression each: how much to trust which is
   * learned.
   */
  penalties: readonly number[];
  /** Weights of a regression at most: beyond, only the most widely used tokens have some. */
  weightsMax: number;
  /** Steps of a regression's fit at most. */
  rounds: number;
  /** Exponent of the evidence by which sums are divided. */
  power: number;
  /**
   * Users who show no correlation at all, added before the correlation matrix is inverted: few members are trusted
   * less than many. Their share stays between `RIDGE_MIN` and `RIDGE_MAX` of the members.
   */
  ridgeUsers: number;
  /** Length of the unsupervised part of an embedding, beside a supervised part of unit variance. */
  fill: number;
  /** Parts of the users for cross-fitting. */
  folds: number;
  /**
   * Users who came one after another stay in one fold, at most so many: what neighbours share, strangers will not. 1
   * deals each user for themselves.
   */
  foldRun: number;
  /** Samples that the directions are fitted on, of the users with the smallest hashes; rates need all, directions few. */
  samplesMax: number;
}>;

export const DEFAULT_FIT_OPTIONS: FitOptions = {
  seed: 1,
  halfLifeMs: 60 * 86_400_000,
  usersMax: 40_000,
  tokensMax: 65_536,
  components: 48,
  dimMin: 32,
  dimMax: 64,
  freeDims: 16,
  smoothing: 10,
  penalties: [3, 0.3],
  weightsMax: 2_000_000,
  rounds: 60,
  power: 0.5,
  ridgeUsers: 2_500,
  fill: 2,
  folds: 4,
  foldRun: 64,
  samplesMax: 60_000,
};
