import type { History } from "../embedding/encoder.ts";
import { PackedHistories } from "../embedding/packed-histories.ts";
import type { Behaviour } from "../events/log-entry.ts";
import { arrivalOf } from "../features/arrival.ts";
import { toFeatureEvent } from "../features/to-feature-event.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { type Context, NO_ENTRIES } from "./context.ts";
import { isAct, kept, withoutWithdrawn } from "./fold-batch.ts";
import { membershipsOf } from "./sampling.ts";
import { SeenIds } from "./seen-ids.ts";

/** Who a user is, by what they or a service said. */
type Identity = {
  -readonly [Key in "labels" | "traits" | "consents" | "authenticated"]: Context[Key];
} & { readonly seen: SeenIds };

/**
 * Members' whole histories, folded from the entries of shards' logs as the shards fold them: a repeated id counts
 * once, what was consented to no more is dropped, labels and traits are those said last. A shard keeps the newest
 * events only.
 */
export class LogHistories {
  readonly #packed = new PackedHistories();
  readonly #identities = new Map<string, Identity>();

  /** Events of all users, anonymous ones too. */
  get events(): number {
    return this.#packed.events;
  }

  /** Folds one behaviour. A user's behaviours come in the order of their shard's log. */
  fold(behaviour: Behaviour): void {
    const identity = this.#identityOf(behaviour.user);
    if (!identity.seen.add(behaviour.id)) return;
    for (const [purpose, consented] of Object.entries(behaviour.consent ?? {}))
      identity.consents = kept(identity.consents, purpose, consented);
    for (const [trait, value] of Object.entries(behaviour.traits ?? {}))
      identity.traits = kept(identity.traits, trait, value);
    if (behaviour.type === "identify") {
      for (const [map, label] of Object.entries(behaviour.segments ?? {}))
        identity.labels = kept(identity.labels, map, label);
      identity.authenticated = true;
    }
    if (!isAct(behaviour)) return;
    const event = toFeatureEvent(withoutWithdrawn(identity.consents, behaviour));
    this.#packed.add(behaviour.user, event, arrivalOf(behaviour.context));
  }

  /** Histories of the authenticated users, with their segment in each map. */
  histories(maps: readonly SegmentMap[]): History[] {
    const all = this.#packed.histories((user) => membershipsOf(maps, this.#identityOf(user)));
    return all.filter(({ user }) => this.#identityOf(user).authenticated);
  }

  #identityOf(user: string): Identity {
    const held = this.#identities.get(user);
    if (held !== undefined) return held;
    const fresh: Identity = {
      labels: NO_ENTRIES,
      traits: NO_ENTRIES,
      consents: NO_ENTRIES,
      authenticated: false,
      seen: new SeenIds(),
    };
    this.#identities.set(user, fresh);
    return fresh;
  }
}
