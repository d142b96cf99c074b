import { type Content, type ContentCatalogue, contentsOf, type Placement } from "../content/catalogue.ts";
import { TRUST_UNFITTED } from "../content/feedback-trust.ts";
import { LEDGER_SETTINGS, type LedgerSettings } from "../content/ledger.ts";
import { type RateTable, rateTable } from "../content/rate-table.ts";
import { NO_RATES, type RatesRelease } from "../content/rates-release.ts";
import type { Scorer } from "../resonance/scorer.ts";

/** A placement with everything that decisions and feedback read of it. */
export type ReadyPlacement = Readonly<{
  placement: Placement;
  /** Its place in the catalogue. */
  index: number;
  /** What it may show, in the order of the rates' table. */
  contents: readonly Content[];
  /** Of each of these its place in the catalogue. */
  catalogued: readonly number[];
  /** Of each id its place among these. */
  places: ReadonlyMap<string, number>;
  /** The segments of its map, whose rates the table tells; none while no such map is defined. */
  segments: readonly string[];
  table: RateTable;
}>;

const NO_CATALOGUE: ContentCatalogue = { version: 0, placements: [], contents: [] };

/** The catalogue and the rates that a shard's log has put in force. */
export class ContentInForce {
  #catalogue = NO_CATALOGUE;
  #rates = NO_RATES;
  #ratesVersion = 0;
  readonly #settings = new Map<string, LedgerSettings>();
  /** With the segments, as the scorer in force has them, that they were found to be for. */
  readonly #ready = new Map<string, { ready: ReadyPlacement; segments: readonly string[] }>();

  /** Of version 0 before the first. */
  get catalogue(): ContentCatalogue {
    return this.#catalogue;
  }

  /** 0 before the first release. */
  get ratesVersion(): number {
    return this.#ratesVersion;
  }

  /** How ledgers of a map are read: how far its feedback is believed follows from its members'. */
  ledgerSettings(map: string): LedgerSettings {
    let settings = this.#settings.get(map);
    if (settings === undefined) {
      settings = { ...LEDGER_SETTINGS, weight: this.#rates.trust.get(map) ?? TRUST_UNFITTED };
      this.#settings.set(map, settings);
    }
    return settings;
  }

  useCatalogue(catalogue: ContentCatalogue): void {
    this.#catalogue = catalogue;
    this.#ready.clear();
  }

  useRates(version: number, rates: RatesRelease): void {
    this.#ratesVersion = version;
    this.#rates = rates;
    this.#settings.clear();
    this.#ready.clear();
  }

  /** Back to what was before anything was put in force. */
  clear(): void {
    this.useCatalogue(NO_CATALOGUE);
    this.useRates(0, NO_RATES);
  }

  /** A placement, made ready; undefined if the catalogue has none of this name. @param scorers - Of the maps in force. */
  placement(name: string, scorers: readonly Scorer[]): ReadyPlacement | undefined {
    const known = this.#ready.get(name);
    if (known !== undefined) {
      const segments = segmentsFor(known.ready.placement, scorers);
      if (known.segments === segments) return known.ready;
      known.segments = segments;
      if (areSame(known.ready.segments, segments)) return known.ready; // Only the profiles are others.
    }
    const index = this.#catalogue.placements.findIndex((one) => one.name === name);
    const placement = this.#catalogue.placements[index];
    if (placement === undefined) return undefined;
    const segments = segmentsFor(placement, scorers);
    const ready = this.#prepare(placement, index, segments);
    this.#ready.set(name, { ready, segments });
    return ready;
  }

  /** The placements of a map that may show a content. */
  placementsOf(map: string, content: string): readonly Placement[] {
    const shown = this.#catalogue.contents.find(({ id }) => id === content)?.placements ?? [];
    return this.#catalogue.placements.filter(
      (placement) => placement.map === map && shown.includes(placement.name),
    );
  }

  #prepare(placement: Placement, index: number, segments: readonly string[]): ReadyPlacement {
    const contents = contentsOf(this.#catalogue, placement.name);
    const ids = contents.map(({ id }) => id);
    const { atMs, rates } = this.#rates;
    const { name, timeoutMs } = placement;
    return {
      placement,
      index,
      contents,
      catalogued: contents.map((content) => this.#catalogue.contents.indexOf(content)),
      places: new Map(ids.map((id, at) => [id, at])),
      segments,
      table: rateTable(rates, { placement: name, segments, contents: ids, atMs, timeoutMs }),
    };
  }
}

const NO_SEGMENTS: readonly string[] = [];

function segmentsFor({ map }: Placement, scorers: readonly Scorer[]): readonly string[] {
  return scorers.find((scorer) => scorer.map === map)?.segments ?? NO_SEGMENTS;
}

function areSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one, at) => one === others[at]);
}
