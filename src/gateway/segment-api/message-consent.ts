import { type Fields, fieldsIn, listIn } from "./read-value.ts";

/** Which purpose of ours a category of consent speaks of; names of categories in lower case. */
export type ConsentCategories = Readonly<Record<string, string>>;

/** Categories that are called as our purposes are; a deployment names its own beside them. */
export const DEFAULT_CATEGORIES: ConsentCategories = {
  personalisation: "personalisation",
  personalization: "personalisation",
  analytics: "analytics",
  location: "location",
  social: "social",
  text: "text",
};

/** What senders call this engine in `integrations`; Segment's own name stands for whoever is sent to. */
const OUR_NAMES = ["Resonance", "Segment.io"] as const;

/**
 * What a user has answered, by purpose. Where several categories speak of one purpose, a no goes before a yes.
 *
 * @param context - Segment's `context`: `consent.categoryPreferences`, or RudderStack's `consentManagement`.
 * @returns Undefined if no category is known.
 */
export function messageConsent(
  context: Fields,
  categories: ConsentCategories,
): Readonly<Record<string, boolean>> | undefined {
  const consent = new Map<string, boolean>();
  const answer = (category: unknown, isGiven: unknown): void => {
    if (typeof category !== "string" || typeof isGiven !== "boolean") return;
    const name = category.toLowerCase();
    const purpose = Object.hasOwn(categories, name) ? categories[name] : undefined;
    if (purpose !== undefined) consent.set(purpose, isGiven && (consent.get(purpose) ?? true));
  };
  const { categoryPreferences } = fieldsIn(context["consent"]);
  for (const [category, isGiven] of Object.entries(fieldsIn(categoryPreferences))) answer(category, isGiven);
  const { allowedConsentIds, deniedConsentIds } = fieldsIn(context["consentManagement"]);
  for (const category of listIn(allowedConsentIds)) answer(category, true);
  for (const category of listIn(deniedConsentIds)) answer(category, false);
  return consent.size === 0 ? undefined : Object.fromEntries(consent);
}

/** Whether a message is for us: `{All: false}` is a no to whoever is not named, and a no by name goes before all. */
export function isForUs(integrations: Fields): boolean {
  if (OUR_NAMES.some((name) => integrations[name] === false)) return false;
  if (integrations["All"] !== false && integrations["all"] !== false) return true;
  return OUR_NAMES.some((name) => integrations[name] !== undefined && integrations[name] !== null);
}
