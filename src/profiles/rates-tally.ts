import { ContentRates } from "../content/content-rates.ts";
import { RATES_TALLY, readRateChange } from "../content/rate-change.ts";
import { MINUTE_MS, minuteOf } from "../content/rate-time.ts";
import { decodeRatesRelease, encodeRatesRelease } from "../content/rates-release.ts";
import type { Tally, TallyKind } from "./tally.ts";

/** How often each content was clicked in each segment, over all shards. */
export const RATES: TallyKind = {
  name: RATES_TALLY,
  open: () => new RatesTally(),
  activation: (version) => ({ kind: "rates-activated", version }),
};

/** One row holds it all: it is a few tens of kilobytes, and read as a whole. */
const ROW = "all";

class RatesTally implements Tally {
  #rates = new ContentRates();
  /** Time of the newest impression, epoch ms. */
  #atMs = 0;
  #isChanged = false;
  readonly #settledBy = new Map<string, Readonly<{ minute: number; timeoutMs: number }>>();

  add(change: unknown): boolean {
    const read = readRateChange(change);
    if (read === undefined) return false;
    const { outcome, timeoutMs } = read;
    this.#rates.add(outcome);
    this.#atMs = Math.max(this.#atMs, outcome.shownAtMs);
    this.#settle(outcome.placement, minuteOf(outcome.shownAtMs), timeoutMs);
    this.#isChanged = true;
    return true;
  }

  /** By the outcome's own minute, so that what is settled follows from the outcomes, whenever a copy was restarted. */
  #settle(placement: string, minute: number, timeoutMs: number): void {
    const last = this.#settledBy.get(placement);
    if (last?.minute === minute && last.timeoutMs === timeoutMs) return; // It would change nothing.
    this.#settledBy.set(placement, { minute, timeoutMs });
    this.#rates.settle(placement, minute * MINUTE_MS, timeoutMs);
  }

  restore(_key: string, bytes: Uint8Array): void {
    const { atMs, rates } = decodeRatesRelease(bytes);
    this.#atMs = atMs;
    this.#rates = rates;
  }

  takeChanges(): readonly (readonly [key: string, bytes: Uint8Array])[] {
    if (!this.#isChanged) return [];
    this.#isChanged = false;
    return [[ROW, this.release()]];
  }

  release(): Uint8Array {
    return encodeRatesRelease({ atMs: this.#atMs, rates: this.#rates });
  }
}
