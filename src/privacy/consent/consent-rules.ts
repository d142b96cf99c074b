import { FEATURES } from "../../features/all-families.ts";
import { FAMILY_INPUTS, INPUTS, type Input, SEEN_BY_INPUTS } from "./event-inputs.ts";
import type { Jurisdiction } from "./jurisdiction.ts";
import { DEFAULT_POLICY, type PrivacyPolicy } from "./policy.ts";

/** What somebody answered, by purpose; what they were never asked is missing. */
export type Answers = ReadonlyMap<string, boolean>;

/**
 * What may not be done with an event, or is to be forgotten. Masks of families are in the order of the feature schema, those of
 * inputs have the bits of {@link INPUTS}.
 */
export type Restrictions = Readonly<{
  /** Families whose features may not be. */
  families: number;
  /** What is left out of events. */
  inputs: number;
  /** Other families, which read some of these inputs. */
  touched: number;
  /** By family that may not be: the purpose that is missing. */
  purposes: ReadonlyMap<string, string>;
  /** Whether these families would see nothing in events without these inputs. */
  isByInputs: boolean;
}>;

/** Purposes that a policy may name, its own among them: each has a bit. */
export const PURPOSES_MAX = 15;
/**
 * Words of a search need no consent, those of a text do, and once stored they are not told apart. So keywords stay until
 * somebody says no to `text`; their bit is behind those of the purposes.
 */
const KEYWORDS = 1 << PURPOSES_MAX;
/** Places that rules are remembered for. */
const PLACES_MAX = 1_024;
const ANYTHING = (1 << (PURPOSES_MAX + 1)) - 1;

/**
 * A policy, ready to decide. What is allowed is a mask: the bit of each purpose, see {@link ConsentRules.bitOf}. An answer decides;
 * where there is none, the strictest rule of the regions that somebody may be in.
 */
export class ConsentRules {
  readonly policy: PrivacyPolicy;
  /** Purposes in the order of their bits. */
  readonly purposes: readonly string[];
  readonly #bits: ReadonlyMap<string, number>;
  /** Allowed without any answer where no region's rules hold, and where it is not known which do. */
  readonly #elsewhere: number;
  readonly #unknown: number;
  /** What regions say, by name of a place as events tell it. */
  readonly #regions: readonly Readonly<{
    names: ReadonlySet<string>;
    countries: ReadonlySet<string>;
    optIn: number;
    optOut: number;
  }>[];
  /** By country, then region. */
  readonly #places = new Map<string, Map<string, number>>();
  #placesKnown = 0;
  readonly #restrictions = new Map<number, Restrictions>();
  readonly #personalisation: number;
  readonly #analytics: number;

  constructor(policy: PrivacyPolicy) {
    this.policy = policy;
    this.purposes = Object.keys(policy.purposes).sort();
    this.#bits = new Map(this.purposes.map((purpose, at) => [purpose, 1 << at]));
    this.#elsewhere = ANYTHING & ~this.#bitsWhere(policy.purposes, "opt-in");
    this.#regions = policy.regions.map(({ countries, regions, purposes }) => ({
      names: new Set(regions),
      countries: new Set(countries),
      optIn: this.#bitsWhere(purposes, "opt-in"),
      optOut: this.#bitsWhere(purposes, "opt-out"),
    }));
    this.#unknown = this.#regions.reduce((allowed, { optIn }) => allowed & ~optIn, this.#elsewhere);
    this.#personalisation = this.bitOf("personalisation");
    this.#analytics = this.bitOf("analytics");
  }

  /** The bit of a purpose; 0 for one that the policy does not know. */
  bitOf(purpose: string): number {
    return this.#bits.get(purpose) ?? 0;
  }

  /** Whether it matters where somebody is. */
  get hasRegions(): boolean {
    return this.#regions.length > 0;
  }

  /** Whether a mask of what is allowed lets anything be kept of a user. */
  isPersonal(allowed: number): boolean {
    return (allowed & this.#personalisation) !== 0;
  }

  /** Whether it lets a user be counted in experiments and streams for analysis. */
  isCounted(allowed: number): boolean {
    return (allowed & this.#analytics) !== 0;
  }

  /** What is allowed of whoever answered so. */
  allowed(answers: Answers, where: Jurisdiction): number {
    const ruled = this.#ruled(where);
    return answers.size === 0 ? ruled : this.#answered(ruled, (purpose) => answers.get(purpose));
  }

  /** As {@link allowed}, of the answers in an event. */
  allowedIn(consent: Readonly<Record<string, boolean>> | undefined, where: Jurisdiction): number {
    const ruled = this.#ruled(where);
    if (consent === undefined) return ruled;
    return this.#answered(ruled, (purpose) =>
      Object.hasOwn(consent, purpose) ? consent[purpose] : undefined,
    );
  }

  /** What a mask of what is allowed leaves out. */
  restrictions(allowed: number): Restrictions {
    const known = this.#restrictions.get(allowed);
    if (known !== undefined) return known;
    const made = this.#restrict(allowed);
    this.#restrictions.set(allowed, made);
    return made;
  }

  /**
   * What is to be forgotten when purposes are refused.
   *
   * @param refused - Their bits.
   */
  forgotten(refused: number): Restrictions {
    const keywords = (refused & this.bitOf("text")) === 0 ? 0 : KEYWORDS;
    return this.restrictions(ANYTHING & ~(refused | keywords));
  }

  #answered(ruled: number, answer: (purpose: string) => boolean | undefined): number {
    let allowed = ruled;
    for (let at = 0; at < this.purposes.length; at++) {
      const given = answer(this.purposes[at]!);
      if (given === true) allowed |= 1 << at;
      else if (given === false) allowed &= ~(1 << at);
    }
    return answer("text") === false ? allowed & ~KEYWORDS : allowed;
  }

  /** What is allowed without any answer. */
  #ruled(where: Jurisdiction): number {
    if (this.#regions.length === 0) return this.#elsewhere;
    const { country, region } = where;
    if (country === "" && region === "") return this.#unknown;
    const known = this.#places.get(country)?.get(region);
    if (known !== undefined) return known;
    const ruled = this.#ruledAt(where);
    if (this.#placesKnown++ >= PLACES_MAX) {
      this.#places.clear(); // Senders may call regions what they like.
      this.#placesKnown = 1;
    }
    const regions = this.#places.get(country) ?? new Map<string, number>();
    this.#places.set(country, regions.set(region, ruled));
    return ruled;
  }

  #ruledAt({ country, region }: Jurisdiction): number {
    const here = this.#regions.filter(({ names, countries }) => names.has(region) || countries.has(country));
    // A region that nobody knows may be anywhere.
    if (here.length === 0) return country === "" ? this.#unknown : this.#elsewhere;
    return here.reduce(
      (allowed, { optIn, optOut }) => allowed & ((this.#elsewhere | optOut) & ~optIn),
      ANYTHING,
    );
  }

  #bitsWhere(purposes: PrivacyPolicy["purposes"], rule: string): number {
    let bits = 0;
    for (const [purpose, its] of Object.entries(purposes)) if (its === rule) bits |= this.bitOf(purpose);
    return bits;
  }

  #restrict(allowed: number): Restrictions {
    const { families } = FEATURES;
    const purposes = new Map<string, string>();
    for (const { name } of families) {
      const needed = this.policy.families[name] ?? "personalisation";
      if ((allowed & this.bitOf(needed)) === 0) purposes.set(name, needed);
      else if (name === "keywords" && (allowed & KEYWORDS) === 0) purposes.set(name, "text");
    }
    const isRefused = (name: string): boolean => purposes.has(name);
    const maskOf = (matches: (name: string) => boolean): number =>
      families.reduce((mask, { name }, f) => (matches(name) ? mask | (1 << f) : mask), 0);
    const left = (Object.keys(INPUTS) as Input[]).filter((input) => isRefused(INPUTS[input].owner));
    const reads = (name: string): boolean =>
      FAMILY_INPUTS[name]?.some((input) => left.includes(input)) === true;
    return {
      families: maskOf(isRefused),
      inputs: left.reduce((bits, input) => bits | INPUTS[input].bit, 0),
      touched: maskOf((name) => reads(name) && !isRefused(name)),
      purposes,
      isByInputs: families.every(({ name }) => !isRefused(name) || SEEN_BY_INPUTS.includes(name)),
    };
  }
}

/** The rules before any policy is put. */
export const DEFAULT_RULES = new ConsentRules(DEFAULT_POLICY);
