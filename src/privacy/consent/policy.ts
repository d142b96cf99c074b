import type { ConsentRule } from "./purposes.ts";

/** Who is asked for what, and where: docs/privacy.md has the file. */
export type PrivacyPolicy = Readonly<{
  /** 0 for the one that holds before any is put. */
  version: number;
  /** Every purpose, with its rule where no region has another. */
  purposes: Readonly<Record<string, ConsentRule>>;
  /** Family of features to the purpose that it needs; families left out need `personalisation`. */
  families: Readonly<Record<string, string>>;
  regions: readonly PolicyRegion[];
  /** Randomised response on locations; left out: cells are stored as they are. */
  location?: LocalPrivacy;
}>;

/** Where other rules hold. */
export type PolicyRegion = Readonly<{
  name: string;
  /** ISO 3166 codes of two letters, in lower case. */
  countries: readonly string[];
  /** What events call the region, in lower case; its own name is one of them. */
  regions: readonly string[];
  /** Only the purposes whose rule differs. */
  purposes: Readonly<Record<string, ConsentRule>>;
}>;

/** How much of a location a report may tell (METHODS 1.6). */
export type LocalPrivacy = Readonly<{
  /** Of one report, and of all of one place, since those of one user are the same; > 0. */
  epsilon: number;
  /** Geohashes, none a prefix of another. */
  cells: readonly string[];
}>;

/** What families need that need more than `personalisation`, unless a policy says otherwise. */
export const DEFAULT_FAMILIES: PrivacyPolicy["families"] = {
  place: "location",
  partners: "social",
  mood: "text",
};

/** Before any policy is put: nothing optional without a yes, all else unless there was a no. */
export const DEFAULT_POLICY: PrivacyPolicy = {
  version: 0,
  purposes: {
    personalisation: "opt-out",
    analytics: "opt-out",
    location: "opt-in",
    social: "opt-in",
    text: "opt-in",
  },
  families: DEFAULT_FAMILIES,
  regions: [],
};
