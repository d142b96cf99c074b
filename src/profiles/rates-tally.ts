import { ContentRates } from "../content/content-rates.ts";
import { addTrustLosses, fittedTrust, NO_TRUST_SUMS, type TrustSums } from "../content/feedback-trust.ts";
import { RATES_TALLY, readRateChange, readTrustChange } from "../content/rate-change.ts";
import { MINUTE_MS, minuteOf } from "../content/rate-time.ts";
import { decodeRatesRelease, encodeRatesRelease, type RatesRelease } from "../content/rates-release.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { Tally, TallyKind } from "./tally.ts";

/** How often each content was clicked in each segment, over all shards. */
export const RATES: TallyKind = {
  name: RATES_TALLY,
  open: () => new RatesTally(),
  activation: (version) => ({ kind: "rates-activated", version }),
};

/** Between the names of a row's key; no id holds it. */
const SEPARATOR = "\u001f";

/** Begins the keys of what is known of a map's feedback; no placement's name does. */
const TRUST_OF = `${SEPARATOR}trust${SEPARATOR}`;
const NO_TRUST: ReadonlyMap<string, number> = new Map();

/** A row for each content of each placement, so that a commit writes what changed. */
class RatesTally implements Tally {
  /** Each with the time of its newest impression. */
  readonly #rows = new Map<string, RatesRelease>();
  /** By map. */
  readonly #trust = new Map<string, TrustSums>();
  readonly #changed = new Set<string>();

  add(change: unknown): boolean {
    const told = readTrustChange(change);
    if (told !== undefined) {
      this.#trust.set(told.map, addTrustLosses(this.#trust.get(told.map) ?? NO_TRUST_SUMS, told.losses));
      this.#changed.add(TRUST_OF + told.map);
      return true;
    }
    const read = readRateChange(change);
    if (read === undefined) return false;
    const { outcome, timeoutMs } = read;
    const { placement, content, shownAtMs } = outcome;
    const key = placement + SEPARATOR + content;
    const { atMs, rates } = this.#rows.get(key) ?? { atMs: 0, rates: new ContentRates() };
    rates.add(outcome);
    // By the outcome's own minute: what is settled follows from the row's outcomes, whenever a copy was restarted.
    rates.settle(placement, minuteOf(shownAtMs) * MINUTE_MS, timeoutMs);
    this.#rows.set(key, { atMs: Math.max(atMs, shownAtMs), rates, trust: NO_TRUST });
    this.#changed.add(key);
    return true;
  }

  restore(key: string, bytes: Uint8Array): void {
    if (key.startsWith(TRUST_OF)) this.#trust.set(key.slice(TRUST_OF.length), decode(bytes) as TrustSums);
    else this.#rows.set(key, decodeRatesRelease(bytes));
  }

  takeChanges(): readonly (readonly [key: string, bytes: Uint8Array | undefined])[] {
    const changes = [...this.#changed].map((key) => [key, this.#encoded(key)] as const);
    this.#changed.clear();
    return changes;
  }

  /** All rows together, without what may still be clicked: it does not count, and would be most of it. */
  release(): Uint8Array {
    const rates = new ContentRates();
    let atMs = 0;
    for (const row of this.#rows.values()) {
      rates.merge(row.rates);
      atMs = Math.max(atMs, row.atMs);
    }
    const trust = new Map<string, number>();
    for (const [map, sums] of this.#trust) {
      const fitted = fittedTrust(sums);
      if (fitted !== undefined) trust.set(map, fitted);
    }
    return encodeRatesRelease({ atMs, rates, trust }, "settled");
  }

  #encoded(key: string): Uint8Array | undefined {
    if (key.startsWith(TRUST_OF)) return encode(this.#trust.get(key.slice(TRUST_OF.length)) ?? NO_TRUST_SUMS);
    const row = this.#rows.get(key);
    return row === undefined ? undefined : encodeRatesRelease(row);
  }
}
