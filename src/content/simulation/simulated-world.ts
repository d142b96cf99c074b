import { softmaxInPlace } from "../../embedding/softmax.ts";
import { rehash32 } from "../../kernel/hash.ts";
import { gaussian, type Random, seededRandom } from "../../kernel/random.ts";
import { sampleBeta } from "../../kernel/sample-gamma.ts";
import type { SimulationSettings } from "./simulation-settings.ts";

/** Rates of clicks as they are: most contents interest a segment little, a few a lot (a mean of 0.1). */
const AFFINITY = { a: 1, b: 9 } as const;
const AFFINITY_MIN = 1e-3;
const TWO_TO_32 = 2 ** 32;
/** What is drawn of one seed, each apart: policies meet the same world, and the same luck in it. */
const SALT = { affinities: 1, users: 2, drift: 3, clicks: 4, late: 5, members: 6 } as const;

/**
 * The truth that a simulation knows and its policies don't: each visitor's segment, and how each segment likes each content.
 * It is a function of settings and seed: what policies choose changes nothing in it.
 */
export class SimulatedWorld {
  /** True segment by user. */
  readonly segmentOf: Uint8Array;
  /** What the live resonance tells of each user without feedback; shape [users, segments]. */
  readonly #resonance: Float64Array;
  readonly isMember: Uint8Array;
  /** True click rates now; shape [segments, contents]. */
  readonly affinities: Float64Array;
  readonly #settings: SimulationSettings;
  readonly #seed: number;
  readonly #drift: Random;

  constructor(settings: SimulationSettings, seed: number) {
    const { users, segments, contents, members } = settings;
    this.#settings = settings;
    this.#seed = seed;
    this.#drift = seededRandom(rehash32(seed, SALT.drift));
    const random = seededRandom(rehash32(seed, SALT.affinities));
    this.affinities = Float64Array.from({ length: segments * contents }, () =>
      Math.max(AFFINITY_MIN, sampleBeta(AFFINITY.a, AFFINITY.b, random)),
    );
    this.segmentOf = new Uint8Array(users);
    this.#resonance = new Float64Array(users * segments);
    const ofUsers = seededRandom(rehash32(seed, SALT.users));
    for (let user = 0; user < users; user++) this.#beginTastes(user, ofUsers);
    const ofMembers = seededRandom(rehash32(seed, SALT.members));
    this.isMember = Uint8Array.from({ length: users }, () => (ofMembers() < members ? 1 : 0));
  }

  /** Lets a round's time pass: some visitors change, and so do affinities. */
  drift(): void {
    const { users, tasteDrift, affinityDrift } = this.#settings;
    for (let user = 0; user < users; user++)
      if (this.#drift() < tasteDrift) this.#beginTastes(user, this.#drift);
    for (const [at, rate] of this.affinities.entries()) {
      const logit = Math.log(rate / (1 - rate)) + affinityDrift * gaussian(this.#drift);
      this.affinities[at] = Math.max(AFFINITY_MIN, 1 / (1 + Math.exp(-logit)));
    }
  }

  /** The chance that a user clicks a content, now. */
  clickChance(user: number, content: number): number {
    return this.affinities[this.segmentOf[user]! * this.#settings.contents + content]!;
  }

  /** The content that a user likes best, now. */
  bestFor(user: number): number {
    let best = 0;
    for (let content = 1; content < this.#settings.contents; content++)
      if (this.clickChance(user, content) > this.clickChance(user, best)) best = content;
    return best;
  }

  /** Whether a user clicks what they are shown in a round. */
  clicks(user: number, round: number, content: number): boolean {
    return this.#luck(user, round, SALT.clicks) < this.clickChance(user, content);
  }

  /** Whether a click would come only after its time-out. */
  isLate(user: number, round: number): boolean {
    return this.#luck(user, round, SALT.late) < this.#settings.lateClicks;
  }

  /** Writes what the live resonance tells of a user without feedback; shape [segments + 1], nobody is of no segment. */
  resonanceInto(user: number, out: Float64Array): void {
    const { segments } = this.#settings;
    for (let k = 0; k < segments; k++) out[k] = this.#resonance[user * segments + k]!;
    out[segments] = 0;
  }

  /** The true segment is drawn of what is told, so what is told is calibrated. */
  #beginTastes(user: number, random: Random): void {
    const { segments, resonanceSpread } = this.#settings;
    const told = this.#resonance.subarray(user * segments, (user + 1) * segments);
    for (let k = 0; k < segments; k++) told[k] = resonanceSpread * gaussian(random);
    softmaxInPlace(told);
    let left = random();
    let truth = 0;
    while (truth < segments - 1 && left >= told[truth]!) left -= told[truth++]!;
    this.segmentOf[user] = truth;
  }

  /** A share in [0, 1) that is the user's in a round, whatever is chosen. */
  #luck(user: number, round: number, salt: number): number {
    return rehash32(rehash32(rehash32(this.#seed, salt), user), round) / TWO_TO_32;
  }
}
