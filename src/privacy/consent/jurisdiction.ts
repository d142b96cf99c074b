/** Where somebody is, as far as an event told: what rules hold there is a matter of the policy. In lower case. */
export type Jurisdiction = Readonly<{
  /** Two letters of ISO 3166; empty if not known. */
  country: string;
  /** As the sender calls it; empty if not known. */
  region: string;
}>;

export const UNKNOWN_JURISDICTION: Jurisdiction = { country: "", region: "" };

/** Characters of a region that are told apart. */
const REGION_CHARS = 64;

/**
 * Where an event's, or a request's, context says that somebody is. What is no code of a country is not known, so that a
 * mistake of a sender makes rules stricter and not laxer.
 *
 * @returns Undefined if it tells neither a country nor a region.
 */
export function jurisdictionOf(
  context: Readonly<Record<string, string>> | undefined,
): Jurisdiction | undefined {
  if (context === undefined) return undefined;
  const { country = "", region = "" } = context;
  const isCode = /^[A-Za-z]{2}$/.test(country);
  if (!isCode && region === "") return undefined;
  return {
    country: isCode ? country.toLowerCase() : "",
    region: region.slice(0, REGION_CHARS).toLowerCase(),
  };
}
