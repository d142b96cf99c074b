import { actions } from "./actions.ts";
import { activity } from "./activity.ts";
import { categories } from "./categories.ts";
import { changes } from "./changes.ts";
import { commerce } from "./commerce.ts";
import type { FeatureFamily } from "./feature-family.ts";
import { FeatureSchema } from "./feature-schema.ts";
import { gaps } from "./gaps.ts";
import { keywordMix } from "./keyword-mix.ts";
import { mood } from "./mood.ts";
import { origin } from "./origin.ts";
import { partners } from "./partners.ts";
import { place } from "./place.ts";
import { ratings } from "./ratings.ts";
import { rhythm } from "./rhythm.ts";
import { social } from "./social.ts";
import { velocity } from "./velocity.ts";

/** Every family of the library, in the order of the slab; docs/features.md explains each feature. */
export const ALL_FAMILIES: readonly FeatureFamily[] = [
  activity,
  velocity, // Right behind activity: they share the exponentials of an event.
  rhythm,
  gaps,
  actions,
  categories,
  keywordMix,
  mood,
  partners,
  social,
  commerce,
  ratings,
  place,
  origin,
  changes,
];

/** The feature schema of this build. */
export const FEATURES = new FeatureSchema(ALL_FAMILIES);
