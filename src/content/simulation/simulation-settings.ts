/** A world of visitors, and how its time passes. */
export type SimulationSettings = Readonly<{
  users: number;
  /** Each user is shown one content a round. */
  rounds: number;
  segments: number;
  contents: number;
  /**
   * Standard deviation of the live resonance's logits, >= 0: some visitors are well known and others are not. At 2 its top
   * segment of five is the true one for six visitors of ten. It is calibrated: the true segment is drawn of it.
   */
  resonanceSpread: number;
  /** Share of users whose segment is known, in [0, 1). They are served and learnt from, and are not in the results. */
  members: number;
  /** Chance a round that a user's tastes become those of another segment. */
  tasteDrift: number;
  /** Standard deviation a round of the random walk of each affinity, on the scale of log odds. */
  affinityDrift: number;
  /** Share of clicks that come after the time-out, in [0, 1). */
  lateClicks: number;
  roundMs: number;
  /** How often new rates are put in force. */
  activationMs: number;
  timeoutMs: number;
  /** As a placement has it. */
  floor: number;
  /** How far a user's feedback is believed, in (0, 1]; see {@link FeedbackTrust}. */
  feedbackWeight: number;
}>;

const MINUTE_MS = 60_000;

/** As METHODS 3.4 simulates, with drift, late clicks and delays besides. */
export const SIMULATION_SETTINGS: SimulationSettings = {
  users: 4_000,
  rounds: 20,
  segments: 5,
  contents: 12,
  resonanceSpread: 2,
  members: 0.1,
  tasteDrift: 0.005,
  affinityDrift: 0.03,
  lateClicks: 0.05,
  roundMs: 360 * MINUTE_MS,
  activationMs: 15 * MINUTE_MS,
  timeoutMs: 30 * MINUTE_MS,
  floor: 0.02,
  feedbackWeight: 1,
};
