import type {
  ContentAnswer,
  ContentAspect,
  ContentBasis,
  LoggedDecision,
} from "../content/content-answer.ts";
import { type Choice, ContentChooser } from "../content/content-chooser.ts";
import { eligibleInto } from "../content/eligibility.ts";
import { POLICIES, POLICY_NAMES } from "../content/policy.ts";
import { unknownPlacement } from "../content/unknown-placement.ts";
import { poolSeed, WorthPool } from "../content/worth-pool.ts";
import { encodeReply } from "../events/decode-request.ts";
import type { Arrival } from "../features/arrival.ts";
import type { Clock } from "../kernel/clock.ts";
import type { DecisionIds, DecisionPlace } from "../resonance/decision-id.ts";
import { segmentOf } from "../resonance/membership.ts";
import { newScoreBuffer, type Scorer, scoreInto } from "../resonance/scorer.ts";
import type { ReadyPlacement } from "./content-in-force.ts";
import type { AnswerType, ScoreAnswers, ScoredUser } from "./score-answers.ts";
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
  scorer: Scorer | undefined;
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
  readonly #choosers = new Map<string, Chooser>();
  readonly #chooser = new ContentChooser();
  readonly #choice: Choice = { content: 0, propensity: 0 };

  /**
   * @param decisions - Makes the ids of answers; what is random in a choice is the number of its id.
   * @param log - Takes down what was decided.
   */
  constructor(
    state: ShardState,
    scores: ScoreAnswers,
    clock: Pick<Clock, "nowMs">,
    decisions: Pick<DecisionIds, "next" | "upcoming">,
    log: (decision: LoggedDecision) => void,
  ) {
    this.#state = state;
    this.#scores = scores;
    this.#clock = clock;
    this.#decisions = decisions;
    this.#log = log;
  }

  /**
   * Chooses for a user.
   *
   * @param arrival - How they came, as the request tells: it counts while they have done nothing.
   * @throws EngineError `NO_CONTENT`, `UNKNOWN_PLACEMENT`.
   */
  choose(user: string, { placement }: ContentAspect, type: AnswerType, arrival?: Arrival): Uint8Array {
    const chooser = this.#chooserOf(placement);
    const nowMs = this.#clock.nowMs();
    const { map } = chooser.ready.placement;
    // Any map will do where that of the placement is not in force: the user's traits and counts are what is wanted.
    const known = chooser.scorer === undefined ? undefined : map;
    const answer = this.#scores.withScores(user, known, nowMs, arrival, (scored) =>
      this.#answer(chooser, scored, nowMs),
    );
    return encodeReply(answer, type);
  }

  #answer(chooser: Chooser, scored: ScoredUser, nowMs: number): ContentAnswer {
    const { ready, pool, eligible, prior, scorer } = chooser;
    const { placement, contents, catalogued, index } = ready;
    const { context, known } = scored;
    const { traits, feedback } = context;
    const capCounts = feedback?.capCounts ?? NO_COUNTS;
    const eligibleCount = eligibleInto(contents, { traits, atMs: nowMs, capCounts }, eligible);
    const { basis, posterior } = this.#posterior(chooser, scored);
    const { policy: arm, floor } = placement;
    const choice = this.#choice;
    if (eligibleCount > 0) {
      const number = this.#decisions.upcoming;
      const policy = POLICIES[basis === "popularity" ? "popularity" : arm];
      this.#chooser.choose(
        { pool, policy, floor, posterior, prior, eligible, eligibleCount, number },
        choice,
      );
    }
    const propensity = eligibleCount > 0 ? choice.propensity : 0;
    const content = eligibleCount > 0 ? contents[choice.content]!.id : null;
    const armNow = basis === "popularity" ? "popularity" : arm;
    const chosen = {
      catalogue: this.#state.content.catalogue.version,
      placement: index,
      content: eligibleCount > 0 ? catalogued[choice.content] : undefined,
      arm: POLICY_NAMES.indexOf(armNow),
      propensity,
    };
    const place: DecisionPlace = { ...scored.place, chosen };
    const decision = this.#decisions.next(place, context.user);
    this.#log([
      ...([decision, context.user, placement.name, content, armNow, basis, propensity] as const),
      eligibleCount,
      nowMs,
    ]);
    const { shard, applied, activatedMs, content: inForce } = this.#state;
    const activatedAtMs = activatedMs.get(placement.map);
    return {
      user: context.user,
      placement: placement.name,
      content,
      ...(content === null ? { reason: "nothing-eligible" as const } : {}),
      segment: likeliest(ready.segments, posterior),
      arm: armNow,
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
    if (ready === undefined) throw unknownPlacement(name, content.catalogue.placements);
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
      scorer,
    };
    this.#choosers.set(name, chooser);
    return chooser;
  }
}

/** The likeliest segment; null if "none" is likelier than each. */
function likeliest(segments: readonly string[], posterior: Float64Array): string | null {
  let best = segments.length;
  for (let k = segments.length - 1; k >= 0; k--) if (posterior[k]! >= (posterior[best] ?? 0)) best = k;
  return segments[best] ?? null;
}
