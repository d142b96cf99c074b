import type { History } from "../embedding/encoder.ts";
import { PackedHistories } from "../embedding/packed-histories.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { arrivalOf } from "../features/arrival.ts";
import type { FeatureEvent } from "../features/feature-event.ts";
import { toFeatureEvent } from "../features/to-feature-event.ts";
import { type ConsentRules, DEFAULT_RULES } from "../privacy/consent/consent-rules.ts";
import { withoutInputs } from "../privacy/consent/event-inputs.ts";
import { UNKNOWN_JURISDICTION } from "../privacy/consent/jurisdiction.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { type Context, NO_ENTRIES } from "./context.ts";
import { isAct, kept } from "./fold-batch.ts";
import { learnAnswers } from "./fold-consent.ts";
import { membershipsOf } from "./sampling.ts";
import { SeenIds } from "./seen-ids.ts";

/** Who a user is, by what they or a service said. */
type Identity = {
  -readonly [Key in "labels" | "traits" | "consents" | "authenticated" | "where"]: Context[Key];
} & {
  readonly seen: SeenIds;
  /** What was taken back, and before which of all events. */
  readonly withdrawn: { readonly before: number; readonly refused: number }[];
};

/**
 * Members' whole histories, folded from the entries of shards' logs as the shards fold them: a repeated id counts
 * once, what was refused is not there, nor what was given before it was refused, labels and traits are those said last. A shard
 * keeps the newest events only.
 */
export class LogHistories {
  readonly #rules: ConsentRules;
  readonly #packed = new PackedHistories();
  readonly #identities = new Map<string, Identity>();

  /** @param rules - Those in force; they are applied to the whole log. */
  constructor(rules: ConsentRules = DEFAULT_RULES) {
    this.#rules = rules;
  }

  /** Events of all users, anonymous ones too. */
  get events(): number {
    return this.#packed.events;
  }

  /** Folds one behaviour. A user's behaviours come in the order of their shard's log. */
  fold(behaviour: Behaviour): void {
    const identity = this.#identityOf(behaviour.user);
    if (!identity.seen.add(behaviour.id)) return;
    const refused = learnAnswers(this.#rules, identity, behaviour);
    if (refused !== 0) identity.withdrawn.push({ before: this.#packed.events, refused });
    if (this.#rules.isPersonal(refused)) {
      identity.labels = NO_ENTRIES;
      identity.traits = NO_ENTRIES;
    }
    if (behaviour.type === "identify") identity.authenticated = true;
    const allowed = this.#rules.allowed(identity.consents, identity.where);
    if (!this.#rules.isPersonal(allowed)) return;
    for (const [trait, value] of Object.entries(behaviour.traits ?? {}))
      identity.traits = kept(identity.traits, trait, value);
    if (behaviour.type === "identify") {
      for (const [map, label] of Object.entries(behaviour.segments ?? {}))
        identity.labels = kept(identity.labels, map, label);
    }
    if (!isAct(behaviour)) return;
    const event = toFeatureEvent(behaviour);
    withoutInputs(event, this.#rules.restrictions(allowed).inputs);
    this.#packed.add(behaviour.user, event, arrivalOf(behaviour.context));
  }

  /** Histories of the authenticated users, with their segment in each map. */
  histories(maps: readonly SegmentMap[]): History[] {
    const all = this.#packed.histories(
      (user) => membershipsOf(maps, this.#identityOf(user)),
      (user, number, event) => this.#isLeft(user, number, event),
    );
    return all.filter(({ user }) => {
      const { authenticated, consents, where } = this.#identityOf(user);
      return authenticated && this.#rules.isPersonal(this.#rules.allowed(consents, where));
    });
  }

  /** Takes out of an event what was refused later. */
  #isLeft(user: string, number: number, event: FeatureEvent): boolean {
    for (const { before, refused } of this.#identityOf(user).withdrawn) {
      if (number >= before) continue;
      if (this.#rules.isPersonal(refused)) return false;
      withoutInputs(event, this.#rules.forgotten(refused).inputs);
    }
    return true;
  }

  #identityOf(user: string): Identity {
    const held = this.#identities.get(user);
    if (held !== undefined) return held;
    const fresh: Identity = {
      labels: NO_ENTRIES,
      traits: NO_ENTRIES,
      consents: NO_ENTRIES,
      authenticated: false,
      where: UNKNOWN_JURISDICTION,
      seen: new SeenIds(),
      withdrawn: [],
    };
    this.#identities.set(user, fresh);
    return fresh;
  }
}
