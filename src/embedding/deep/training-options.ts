/** How networks are trained. Chosen once on the sets of docs/encoders.md; none is tuned to a set. */
export const TRAINING = {
  /** Members of a step at most, and events that it reads about: long histories make for fewer members. */
  membersMax: 256,
  membersMin: 64,
  eventsAStep: 12_000,
  /** Pairs of slices beside each four members. */
  pairShare: 0.25,
  /** Share of the events that a step does not see, and of the numbers between layers. */
  eventDropout: 0.1,
  numberDropout: 0.4,
  rate: 1e-3,
  /** The scale of the cosines has to follow at once: else embeddings learn to make up for a wrong one. */
  sharpnessHaste: 30,
  warmUpSteps: 20,
  weightDecay: 0.1,
  /** Rows of the token table are learnt slowly, and drawn back to what was fitted. */
  tokenWeightDecay: 0.1,
  /** A token of fewer users keeps its fitted row: what could be learnt of it is who they are. */
  usersForRow: 5,
  /** From this many events on, rows of the token table are learnt, too, and one training is enough. */
  manyEvents: 250_000,
  /** Of one training, at most; an event counts as often as it is read. */
  eventsMax: 6_000_000,
  stepsMax: 4_000,
  /** Steps between two evaluations: half of a pass over the members, within these. */
  evaluateEveryMin: 40,
  evaluateEveryMax: 100,
  /** Evaluations without a better one that end a training. */
  patience: 5,
  /** Members whose profiles an evaluation makes, and samples that it scores, at most. */
  profiledMax: 4_096,
  scoredMax: 8_000,
  /** Views that are embedded at once. */
  chunk: 512,
} as const;
