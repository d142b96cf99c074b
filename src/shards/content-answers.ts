import type {
  ContentAnswer,
  ContentAspect,
  ContentBasis,
  LoggedDecision,
} from "../content/content-answer.ts";
import { type Choice, type ChoiceRequest, ContentChooser } from "../content/content-chooser.ts";
import { eligibleInto } from "../content/eligibility.ts";
import { POLICIES, POLICY_NAMES, type PolicyName } from "../content/policy.ts";
import { unknownPlacement } from "../content/unknown-placement.ts";
import { poolSeed, WorthPool } from "../content/worth-pool.ts";
import { encodeReply } from "../events/decode-request.ts";
import type { Arm } from "../experiments/experiment.ts";
import type { Arrival } from "../features/arrival.ts";
import type { Clock } from "../kernel/clock.ts";
import type { DecisionIds, DecisionPlace } from "../resonance/decision-id.ts";
import { segmentOf } from "../resonance/membership.ts";
import { newScoreBuffer, type ScoreBuffer, type Scorer, scoreInto } from "../resonance/scorer.ts";
import type { ReadyPlacement } from "./content-in-force.ts";
import { type ContentTrial, NO_PART, type Part, partAgain, partOf } from "./content-trial.ts";
import type { Exposed } from "./exposure-log.ts";
import type { AnswerType, ScoreAnswers, ScoredUser } from "./score-answers.ts";
import { scoreByModel } from "./score-by-model.ts";
import type { ShardState } from "./shard-state.ts";
import type { UserFeedback } from "./user-feedback.ts";

/** What choosing for one placement needs, until something else is put in force. */
type Chooser = Readonly<{
  ready: ReadyPlacement;
  pool: WorthPool;
  /** Places of the contents that may be shown. */
  eligible: Uint16Array;
  /** The distribution of somebody of whom nothing is known; shape [segments + 1]. */
  prior: Float64Array;
  /** Room for that of a member; the same shape. */
  own: Float64Array;
  /** Room for what is left of one; the same shape. */
  cut: Float64Array;
  /** Room for scores by an arm's own encoder. */
  modelled: ScoreBuffer;
  scorer: Scorer | undefined;
}>;

/** What one answer is chosen by, whatever the arm. */
type Asked = Readonly<{
  chooser: Chooser;
  basis: ContentBasis;
  posterior: Float64Array;
  /** In its place, for arms that name an encoder. */
  byModel: Float64Array | undefined;
  eligibleCount: number;
  number: number;
}>;

const NO_COUNTS: UserFeedback["capCounts"] = new Map();
const NOBODY = Float64Array.of(1);

/** Chooses contents for a shard's users, and writes the answers as bytes. */
export class ContentAnswers {
  readonly #state: ShardState;
  readonly #scores: ScoreAnswers;
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #decisions: Pick<DecisionIds, "next" | "upcoming">;
  readonly #log: (decision: LoggedDecision) => void;
  readonly #expose: (exposed: Exposed) => void;
  readonly #choosers = new Map<string, Chooser>();
  readonly #chooser = new ContentChooser();
  readonly #choice: Choice = { content: 0, propensity: 0 };

  /**
   * @param decisions - Makes the ids of answers; what is random in a choice is the number of its id.
   * @param log - Takes down what was decided.
   * @param expose - Takes down who is served for the first time what another arm of an experiment would not have served.
   */
  constructor(
    state: ShardState,
    scores: ScoreAnswers,
    clock: Pick<Clock, "nowMs">,
    decisions: Pick<DecisionIds, "next" | "upcoming">,
    log: (decision: LoggedDecision) => void,
    expose: (exposed: Exposed) => void,
  ) {
    this.#state = state;
    this.#scores = scores;
    this.#clock = clock;
    this.#decisions = decisions;
    this.#log = log;
    this.#expose = expose;
  }

  /**
   * Chooses for a user.
   *
   * @param how - How they came, as the request tells, which counts while they have done nothing; and the number that an earlier choice
   * for them had in its id, if that choice is to be made again.
   * @throws EngineError `NO_CONTENT`, `UNKNOWN_PLACEMENT`.
   */
  choose(
    user: string,
    { placement }: ContentAspect,
    type: AnswerType,
    { arrival, again }: Readonly<{ arrival?: Arrival | undefined; again?: number | undefined }> = {},
  ): Uint8Array {
    const chooser = this.#chooserOf(placement);
    const nowMs = this.#clock.nowMs();
    const { map } = chooser.ready.placement;
    // Any map will do where that of the placement is not in force: the user's traits and counts are what is wanted.
    const known = chooser.scorer === undefined ? undefined : map;
    const answer = this.#scores.withScores(user, known, nowMs, arrival, (scored) =>
      this.#answer(chooser, scored, nowMs, again),
    );
    return encodeReply(answer, type);
  }

  #answer(chooser: Chooser, scored: ScoredUser, nowMs: number, again: number | undefined): ContentAnswer {
    const { ready, eligible, scorer } = chooser;
    const { placement, contents, catalogued, index } = ready;
    const { context, known } = scored;
    const { traits, feedback } = context;
    const capCounts = feedback?.capCounts ?? NO_COUNTS;
    const eligibleCount = eligibleInto(contents, { traits, atMs: nowMs, capCounts }, eligible);
    const { experiments } = this.#state;
    const part =
      again === undefined
        ? scored.isCounted && !scored.isRefused
          ? partOf(experiments, placement.name, context)
          : NO_PART
        : partAgain(experiments, placement.name, Math.floor(again / POLICY_NAMES.length));
    const { arm, trial } = part;
    const { basis, posterior } =
      scored.isRefused || wasPopular(chooser, arm, again)
        ? { basis: "popularity" as const, posterior: NOBODY }
        : this.#posterior(chooser, scored);
    const { upcoming: number } = this.#decisions;
    const byModel = this.#byModel(chooser, scored, { part, basis, nowMs });
    const asked: Asked = { chooser, basis, posterior, byModel, eligibleCount, number };
    const choice = this.#choice;
    const armNow = policyOf(asked, arm);
    if (eligibleCount > 0) this.#chooser.choose(this.#requestOf(asked, arm), choice);
    const others = trial?.isNew === true && eligibleCount > 0 ? this.#differences(asked, trial) : undefined;
    const propensity = eligibleCount > 0 ? choice.propensity : 0;
    const content = eligibleCount > 0 ? contents[choice.content]!.id : null;
    const chosen = {
      catalogue: this.#state.content.catalogue.version,
      placement: index,
      content: eligibleCount > 0 ? catalogued[choice.content] : undefined,
      arm: part.number * POLICY_NAMES.length + POLICY_NAMES.indexOf(armNow),
      propensity,
    };
    const place: DecisionPlace = { ...scored.place, chosen };
    const decision = this.#decisions.next(place, context.user);
    if (scored.isCounted)
      this.#log([
        ...([decision, context.user, placement.name, content, armNow, basis, propensity] as const),
        eligibleCount,
        nowMs,
      ]);
    if (trial !== undefined && others !== undefined && !context.pace.isBot)
      this.#expose(exposureOf(context.user, trial, { contents: others, propensity, decision, tsMs: nowMs }));
    const { shard, applied, activatedMs, content: inForce } = this.#state;
    const activatedAtMs = activatedMs.get(placement.map);
    return {
      user: context.user,
      placement: placement.name,
      content,
      ...reasonOf(content, scored.isRefused),
      segment: basis === "popularity" ? null : likeliest(ready.segments, posteriorOf(asked, arm)),
      arm: armNow,
      ...(trial === undefined
        ? {}
        : { experiment: { name: trial.counted.experiment.name, arm: trial.arm.name } }),
      basis,
      propensity,
      decision,
      versions: {
        content: inForce.catalogue.version,
        rates: inForce.ratesVersion,
        profiles: scorer?.version ?? 0,
      },
      ages: {
        contextMs: known && context.events > 0 ? Math.max(0, nowMs - context.lastTsMs) : null,
        profilesMs: activatedAtMs === undefined ? null : Math.max(0, nowMs - activatedAtMs),
      },
      position: { shard, sequence: applied },
    };
  }

  /** What an arm's choice is made of; the placement's, where there is no arm. Valid until the next one. */
  #requestOf(asked: Asked, arm: Arm | undefined): ChoiceRequest {
    const { chooser, basis, eligibleCount, number } = asked;
    const { ready, pool, eligible, prior, cut } = chooser;
    const least = basis === "popularity" ? 0 : (arm?.minProbability ?? 0);
    const posterior = posteriorOf(asked, arm);
    return {
      pool,
      policy: POLICIES[policyOf(asked, arm)],
      floor: arm?.floor ?? ready.placement.floor,
      posterior: least === 0 ? posterior : withoutUnlikely(posterior, least, cut),
      prior,
      eligible,
      eligibleCount,
      number,
    };
  }

  /** The user's distribution for arms that name an encoder; undefined where none does, or behaviour does not decide. */
  #byModel(
    { modelled, ready }: Chooser,
    { arrival, context }: ScoredUser,
    { part, basis, nowMs }: Readonly<{ part: Part; basis: ContentBasis; nowMs: number }>,
  ): Float64Array | undefined {
    if (part.counted === undefined || basis === "member" || basis === "popularity") return undefined;
    const model = this.#state.experiments.modelOf(part.counted.experiment.name);
    if (model === undefined || model.scorer.map !== ready.placement.map) return undefined;
    const isScored = scoreByModel(this.#state, model, context, { nowMs, arrival }, modelled);
    return isScored ? modelled.probabilities : undefined;
  }

  /** What each arm would choose by the same chance; undefined if all would choose the same. */
  #differences(asked: Asked, { counted, place }: ContentTrial): readonly string[] | undefined {
    const { contents } = asked.chooser.ready;
    const served = this.#choice.content;
    let isDifferent = false;
    const chosen = counted.experiment.arms.map((arm, i) => {
      if (i === place) return contents[served]!.id;
      const shadow = this.#chooser.contentOf(this.#requestOf(asked, arm));
      if (shadow !== served) isDifferent = true;
      return contents[shadow]!.id;
    });
    return isDifferent ? chosen : undefined;
  }

  /** Whose tastes the choice is for. Membership comes before what behaviour tells. */
  #posterior(
    { ready, scorer, own }: Chooser,
    { context, known, isByArrival, probabilities }: ScoredUser,
  ): Readonly<{ basis: ContentBasis; posterior: Float64Array }> {
    if (scorer === undefined) return { basis: "popularity", posterior: NOBODY };
    const map = this.#state.definitions.maps.find(({ name }) => name === scorer.map);
    if (map !== undefined && context.authenticated) {
      const segment = segmentOf(map, context.labels.get(map.name), context.traits);
      const place = segment === undefined ? -1 : ready.segments.indexOf(segment);
      if (place >= 0) {
        own.fill(0);
        own[place] = 1;
        return { basis: "member", posterior: own };
      }
    }
    const isLive = known && scorer.version > 0 && (context.events > 0 || context.feedback !== undefined);
    if (isLive) return { basis: "resonance", posterior: probabilities };
    return { basis: isByArrival ? "context" : "prior", posterior: probabilities };
  }

  #chooserOf(name: string): Chooser {
    const { content, encoder, scorers } = this.#state;
    const ready = content.placement(name, scorers);
    if (ready === undefined) throw unknownPlacement(content.catalogue.placements);
    const scorer = scorers.find((one) => one.map === ready.placement.map);
    const known = this.#choosers.get(name);
    if (known?.ready === ready && known.scorer === scorer) return known;
    const { purchaseWeight } = ready.placement;
    const seed = poolSeed(name, content.ratesVersion);
    const scores = newScoreBuffer(ready.segments.length);
    // Without evidence every score is the prior.
    if (scorer !== undefined) scoreInto(scorer, new Float32Array(encoder.dim), 0, scores);
    const chooser = {
      ready,
      // Profiles that are published again change nothing of what was drawn.
      pool: known?.ready === ready ? known.pool : new WorthPool(ready.table, { seed, purchaseWeight }),
      eligible: new Uint16Array(ready.contents.length),
      prior: scores.probabilities,
      own: new Float64Array(ready.segments.length + 1),
      cut: new Float64Array(ready.segments.length + 1),
      modelled: newScoreBuffer(ready.segments.length),
      scorer,
    };
    this.#choosers.set(name, chooser);
    return chooser;
  }
}

/**
 * Whether a choice that is made again was made by what is popular, though its arm chooses otherwise: for whom it was made is not
 * known any more, but how is.
 */
function wasPopular({ ready }: Chooser, arm: Arm | undefined, again: number | undefined): boolean {
  if (again === undefined || POLICY_NAMES[again % POLICY_NAMES.length] !== "popularity") return false;
  return policyOf({ chooser: { ready }, basis: "prior" }, arm) !== "popularity";
}

/** Why nothing is shown, or nothing that is chosen for the user. */
function reasonOf(content: string | null, isRefused: boolean): Pick<ContentAnswer, "reason"> {
  if (content === null) return { reason: "nothing-eligible" };
  return isRefused ? { reason: "consent" } : {};
}

/** The policy by which an arm chooses now. */
function policyOf(
  { chooser, basis }: Readonly<{ chooser: Pick<Chooser, "ready">; basis: ContentBasis }>,
  arm: Arm | undefined,
): PolicyName {
  if (basis === "popularity") return "popularity";
  const named = POLICY_NAMES.find((name) => name === arm?.policy);
  return named ?? chooser.ready.placement.policy;
}

/** Whose tastes an arm chooses by. */
function posteriorOf({ posterior, byModel }: Asked, arm: Arm | undefined): Float64Array {
  return arm?.encoder === undefined ? posterior : (byModel ?? posterior);
}

/** A posterior without the segments below a probability: what they had counts as everybody's. */
function withoutUnlikely(posterior: Float64Array, least: number, out: Float64Array): Float64Array {
  for (let k = 0; k < out.length; k++) out[k] = posterior[k]! < least ? 0 : posterior[k]!;
  return out;
}

function exposureOf(
  user: string,
  { counted, place, hashKey, bucket }: ContentTrial,
  served: Readonly<{ contents: readonly string[]; propensity: number; decision: string; tsMs: number }>,
): Exposed {
  const { name } = counted.experiment;
  const { contents, propensity, decision, tsMs } = served;
  const exposure = { experiment: name, arm: place, hashKey, bucket, contents, propensity };
  return { kind: "behaviour", id: `exposure:${name}`, user, type: "exposure", tsMs, decision, exposure };
}

/** The likeliest segment; null if "none" is likelier than each. */
function likeliest(segments: readonly string[], posterior: Float64Array): string | null {
  let best = segments.length;
  for (let k = segments.length - 1; k >= 0; k--) if (posterior[k]! >= (posterior[best] ?? 0)) best = k;
  return segments[best] ?? null;
}
