import type { ContentCatalogue } from "../content/catalogue.ts";
import type { RatesRelease } from "../content/rates-release.ts";
import type { Encoder } from "../embedding/encoder.ts";
import type { ExperimentRelease } from "../experiments/experiment-release.ts";
import type { ConsentRules } from "../privacy/consent/consent-rules.ts";
import type { PublishedProfiles } from "../resonance/published-profiles.ts";
import type { SegmentDefinitions } from "../resonance/segment-map.ts";

/** Fetches what control entries name by version; undefined if it is not there (any more). */
export interface ReleaseSource {
  encoder(version: string): Promise<Encoder | undefined>;
  profiles(map: string, version: number): Promise<PublishedProfiles | undefined>;
  segments(version: number): Promise<SegmentDefinitions | undefined>;
  content(version: number): Promise<ContentCatalogue | undefined>;
  rates(version: number): Promise<RatesRelease | undefined>;
  experiments(version: number): Promise<ExperimentRelease | undefined>;
  privacy(version: number): Promise<ConsentRules | undefined>;
}

/** Releases that the host fetched for a batch, so that the fold, which never waits, finds them. */
export class FetchedReleases {
  readonly #encoders = new Map<string, Encoder>();
  readonly #profiles = new Map<string, PublishedProfiles>();
  readonly #segments = new Map<number, SegmentDefinitions>();
  readonly #content = new Map<number, ContentCatalogue>();
  readonly #rates = new Map<number, RatesRelease>();
  readonly #experiments = new Map<number, ExperimentRelease>();
  readonly #privacy = new Map<number, ConsentRules>();

  encoder(version: string): Encoder | undefined {
    return this.#encoders.get(version);
  }

  profiles(map: string, version: number): PublishedProfiles | undefined {
    return this.#profiles.get(`${map} ${version}`);
  }

  segments(version: number): SegmentDefinitions | undefined {
    return this.#segments.get(version);
  }

  content(version: number): ContentCatalogue | undefined {
    return this.#content.get(version);
  }

  rates(version: number): RatesRelease | undefined {
    return this.#rates.get(version);
  }

  experiments(version: number): ExperimentRelease | undefined {
    return this.#experiments.get(version);
  }

  privacy(version: number): ConsentRules | undefined {
    return this.#privacy.get(version);
  }

  async fetchEncoder(source: ReleaseSource, version: string): Promise<void> {
    const encoder = await source.encoder(version);
    if (encoder !== undefined) this.#encoders.set(version, encoder);
  }

  async fetchProfiles(source: ReleaseSource, map: string, version: number): Promise<void> {
    const profiles = await source.profiles(map, version);
    if (profiles !== undefined) this.#profiles.set(`${map} ${version}`, profiles);
  }

  async fetchSegments(source: ReleaseSource, version: number): Promise<void> {
    const segments = await source.segments(version);
    if (segments !== undefined) this.#segments.set(version, segments);
  }

  async fetchContent(source: ReleaseSource, version: number): Promise<void> {
    const catalogue = await source.content(version);
    if (catalogue !== undefined) this.#content.set(version, catalogue);
  }

  async fetchRates(source: ReleaseSource, version: number): Promise<void> {
    const rates = await source.rates(version);
    if (rates !== undefined) this.#rates.set(version, rates);
  }

  async fetchExperiments(source: ReleaseSource, version: number): Promise<void> {
    const experiments = await source.experiments(version);
    if (experiments !== undefined) this.#experiments.set(version, experiments);
  }

  async fetchPrivacy(source: ReleaseSource, version: number): Promise<void> {
    const rules = await source.privacy(version);
    if (rules !== undefined) this.#privacy.set(version, rules);
  }

  /** Forgets all but encoders, which every context of the shard may still be for. */
  release(): void {
    this.#profiles.clear();
    this.#segments.clear();
    this.#content.clear();
    this.#rates.clear();
    this.#experiments.clear();
    this.#privacy.clear();
  }
}
