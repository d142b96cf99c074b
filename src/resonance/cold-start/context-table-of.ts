import type { FittedCalibration, PublishedProfiles } from "../published-profiles.ts";
import { ContextTable } from "./context-table.ts";

/**
 * The table that published profiles need, from the calibrations that they name.
 *
 * @param fitted - Of all maps of an encoder, as they were stored.
 * @returns Undefined if there is none for the map.
 */
export function contextTableOf(
  { map, mode, profiles }: Pick<PublishedProfiles, "map" | "mode" | "profiles">,
  fitted: readonly Pick<FittedCalibration, "map" | "contextPrior">[],
): ContextTable | undefined {
  const { contextPrior } = fitted.find((one) => one.map === map) ?? {};
  return contextPrior?.counts === undefined
    ? undefined
    : new ContextTable(contextPrior, mode, profiles.length);
}
