import { softmaxInPlace } from "../../embedding/softmax.ts";
import { rehash32 } from "../../kernel/hash.ts";
import { ContentChooser } from "../content-chooser.ts";
import { ContentRates } from "../content-rates.ts";
import { addLedgerInto } from "../ledger.ts";
import { POLICIES, type PolicyName } from "../policy.ts";
import { type RateTable, rateTable } from "../rate-table.ts";
import { anonymousResponsibilities, memberResponsibilities } from "../responsibilities.ts";
import { poolSeed, WorthPool } from "../worth-pool.ts";
import { type IntervalCoverage, intervalCoverage } from "./interval-coverage.ts";
import {
  type PendingImpression,
  type SimulatedVisitor,
  tellClick,
  tellTimeout,
} from "./simulated-visitor.ts";
import { SimulatedWorld } from "./simulated-world.ts";
import type { SimulationSettings } from "./simulation-settings.ts";

/** A policy, or one of two bounds: who knows the truth, and who takes anything. */
export type SimulatedPolicy = PolicyName | "oracle" | "random";

/** What one policy did in one round of one world; means over the visitors whose segment is hidden. */
export type RoundResult = Readonly<{
  clickRate: number;
  /** What the chosen contents' true rates were short of the best ones'. */
  regret: number;
  /** Of the true segments under the posterior with feedback, in nats; and without. */
  logLoss: number;
  logLossWithout: number;
}>;

export type SimulationRun = Readonly<{
  rounds: readonly RoundResult[];
  /** Clicks by user, of those whose segment is hidden: the same users under every policy. */
  clicks: Uint16Array;
  /** How often the truth lay in the credible intervals, in the end. */
  coverage: IntervalCoverage;
}>;

type RoundSums = { clicks: number; regret: number; logLoss: number; logLossWithout: number };

const PLACEMENT = "simulated";
/** Any time will do. */
const START_MS = 1_775_000_000_000;
const SALT_ORDER = 11;
const SALT_DECISION = 12;

/**
 * Lets a policy choose in a world that it does not know, with the code that serves: rates from sums that are merged, tables
 * and draws a version, ledgers, time-outs.
 *
 * @param onRound - Told after each round.
 */
export function runSimulation(
  settings: SimulationSettings,
  seed: number,
  policy: SimulatedPolicy,
  onRound: (round: number) => void = () => {},
): SimulationRun {
  const simulation = new Simulation(settings, seed, policy);
  const rounds: RoundResult[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    rounds.push(simulation.round(round));
    onRound(round);
  }
  return { rounds, clicks: simulation.clicks, coverage: simulation.coverage() };
}

class Simulation {
  readonly clicks: Uint16Array;
  readonly #settings: SimulationSettings;
  readonly #seed: number;
  readonly #policy: SimulatedPolicy;
  readonly #world: SimulatedWorld;
  readonly #segments: readonly string[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #contents: readonly string[];
  readonly #visitors: readonly SimulatedVisitor[];
  readonly #chooser = new ContentChooser();
  readonly #eligible: Uint16Array;
  /** Place of a user among those whose segment is hidden; -1 for a member. */
  readonly #hiddenAt: Int32Array;
  readonly #prior: Float64Array;
  /** What is in force, and what came since. */
  readonly #rates = new ContentRates();
  #since = new ContentRates();
  #version = 0;
  #table: RateTable;
  #pool: WorthPool;
  #nowMs = START_MS;

  constructor(settings: SimulationSettings, seed: number, policy: SimulatedPolicy) {
    const { users, segments, contents } = settings;
    this.#settings = settings;
    this.#seed = seed;
    this.#policy = policy;
    this.#world = new SimulatedWorld(settings, seed);
    this.#segments = Array.from({ length: segments }, (_, k) => `segment-${k}`);
    this.#places = new Map(this.#segments.map((segment, k) => [segment, k]));
    this.#contents = Array.from({ length: contents }, (_, c) => `content-${c}`);
    this.#visitors = Array.from({ length: users }, () => ({ ledger: undefined, pending: undefined }));
    this.#eligible = Uint16Array.from({ length: contents }, (_, c) => c);
    this.#prior = new Float64Array(segments + 1).fill(1 / segments);
    this.#prior[segments] = 0;
    let hidden = 0;
    this.#hiddenAt = Int32Array.from(this.#world.isMember, (isMember) => (isMember === 1 ? -1 : hidden++));
    this.clicks = new Uint16Array(hidden);
    this.#table = this.#tableNow();
    this.#pool = this.#poolNow();
  }

  round(round: number): RoundResult {
    const { users, roundMs, activationMs } = this.#settings;
    if (round > 0) this.#world.drift();
    const order = Array.from({ length: users }, (_, user) => user);
    const comes = (user: number): number => rehash32(rehash32(this.#seed + round, SALT_ORDER), user);
    order.sort((one, other) => comes(one) - comes(other) || one - other);
    const sums = { clicks: 0, regret: 0, logLoss: 0, logLossWithout: 0 };
    const beganMs = START_MS + round * roundMs;
    const slots = Math.ceil(roundMs / activationMs);
    for (let slot = 0; slot < slots; slot++) {
      this.#nowMs = beganMs + slot * activationMs;
      this.#activate();
      const end = Math.ceil((users * (slot + 1)) / slots);
      for (let at = Math.ceil((users * slot) / slots); at < end; at++) this.#visit(order[at]!, round, sums);
    }
    const mean = (sum: number): number => sum / Math.max(1, this.clicks.length);
    return {
      clickRate: mean(sums.clicks),
      regret: mean(sums.regret),
      logLoss: mean(sums.logLoss),
      logLossWithout: mean(sums.logLossWithout),
    };
  }

  coverage(): IntervalCoverage {
    this.#nowMs += this.#settings.timeoutMs + this.#settings.activationMs;
    this.#activate();
    return intervalCoverage(this.#table, this.#world.affinities);
  }

  /** Puts what came since in force, as the profile actor does with what shards send. */
  #activate(): void {
    this.#rates.merge(this.#since);
    this.#rates.settle(PLACEMENT, this.#nowMs, this.#settings.timeoutMs);
    this.#since = new ContentRates();
    this.#version++;
    this.#table = this.#tableNow();
    this.#pool = this.#poolNow();
  }

  #visit(user: number, round: number, sums: RoundSums): void {
    const visitor = this.#visitors[user]!;
    if (visitor.pending !== undefined) this.#closePending(visitor, visitor.pending);
    const posterior = new Float64Array(this.#segments.length + 1);
    this.#world.resonanceInto(user, posterior);
    const truth = this.#world.segmentOf[user]!;
    const isMember = this.#world.isMember[user] === 1;
    const without = -Math.log(posterior[truth]!);
    this.#addFeedback(visitor, posterior);
    const logLoss = -Math.log(posterior[truth]!);
    if (isMember) posterior.fill(0).fill(1, truth, truth + 1);
    const content = this.#choose(user, round, posterior);
    const clicked = this.#world.clicks(user, round, content);
    const who = isMember
      ? memberResponsibilities(this.#segments[truth]!)
      : anonymousResponsibilities(this.#segments, posterior);
    const clicksLate = clicked && this.#world.isLate(user, round);
    const impression = { content, shownAtMs: this.#nowMs, who, posterior, clicksLate };
    this.#count("shown", impression);
    if (clicked && !clicksLate) {
      this.#count("clicked", impression);
      tellClick(visitor, impression, this.#nowMs, this.#judge());
    } else visitor.pending = impression;
    if (isMember) return; // Their segment is no secret: they only teach.
    if (clicked) this.clicks[this.#hiddenAt[user]!]! += 1;
    sums.clicks += clicked ? 1 : 0;
    const best = this.#world.clickChance(user, this.#world.bestFor(user));
    sums.regret += best - this.#world.clickChance(user, content);
    sums.logLossWithout += without;
    sums.logLoss += logLoss;
  }

  /** The visitor is back, and the time-out of what they were shown before is over. */
  #closePending(visitor: SimulatedVisitor, impression: PendingImpression): void {
    visitor.pending = undefined;
    tellTimeout(visitor, impression, this.#judge());
    if (impression.clicksLate) this.#count("clicked", impression);
  }

  #addFeedback({ ledger }: SimulatedVisitor, posterior: Float64Array): void {
    for (let k = 0; k < posterior.length; k++) posterior[k] = Math.log(posterior[k]!);
    if (ledger !== undefined) addLedgerInto(ledger, this.#places, "exclusive", this.#nowMs, posterior);
    softmaxInPlace(posterior);
  }

  #choose(user: number, round: number, posterior: Float64Array): number {
    const number = rehash32(rehash32(rehash32(this.#seed, SALT_DECISION), user), round);
    if (this.#policy === "oracle") return this.#world.bestFor(user);
    if (this.#policy === "random") return number % this.#contents.length;
    return this.#chooser.contentOf({
      pool: this.#pool,
      policy: POLICIES[this.#policy],
      floor: this.#settings.floor,
      posterior,
      prior: this.#prior,
      eligible: this.#eligible,
      eligibleCount: this.#contents.length,
      number,
    });
  }

  #count(kind: "shown" | "clicked", { content, shownAtMs, who }: PendingImpression): void {
    this.#since.add({ placement: PLACEMENT, content: this.#contents[content]!, kind, shownAtMs, who });
  }

  #judge() {
    const { timeoutMs, feedbackWeight } = this.#settings;
    return { table: this.#table, timeoutMs, weight: feedbackWeight };
  }

  #tableNow(): RateTable {
    const { timeoutMs } = this.#settings;
    const of = { placement: PLACEMENT, segments: this.#segments, contents: this.#contents };
    return rateTable(this.#rates, { ...of, atMs: this.#nowMs, timeoutMs });
  }

  #poolNow(): WorthPool {
    const seed = rehash32(poolSeed(PLACEMENT, this.#version), this.#seed);
    return new WorthPool(this.#table, { seed, purchaseWeight: 0 });
  }
}
