import { ask } from "../actors/ask.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import { lifetimeEpsilon } from "../privacy/noise-plan.ts";
import type { MapPrivacyReport } from "../resonance/published-profiles.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import type { GatewayPorts } from "./gateway-ports.ts";

/** One private map in the reply of `privacy.report`. */
export type PrivacyReport = MapPrivacyReport &
  Readonly<{
    /** Epsilon of a user who contributed to so many buckets, at this noise, exactly for continuous noise. */
    lifetimes: readonly Readonly<{ buckets: number; epsilon: number }>[];
    /** Buckets of the window. */
    windowBuckets: number;
  }>;

/** Active buckets that lifetimes are told of. */
const LIVES = [1, 7, 30, 365];
const PATIENCE_MS = 60_000;

/** `privacy.report`: what private maps promise, what they have spent, and what that costs the profiles. */
export async function privacyReport(
  { bus, subjects }: Pick<GatewayPorts, "bus" | "subjects">,
  maps: readonly SegmentMap[],
  body: unknown,
): Promise<Readonly<{ maps: readonly PrivacyReport[] }>> {
  const { map, measured } = fieldsOf(body, ["map", "measured"]);
  if (measured !== undefined && typeof measured !== "boolean")
    throw refused({ code: "WRONG_TYPE", message: "measured must be true or false" });
  const privates = maps.filter(({ privacy }) => privacy !== undefined).map(({ name }) => name);
  if (map !== undefined && !maps.some(({ name }) => name === map)) {
    const known = maps.map(({ name }) => name).join(", ") || "none is";
    throw refused({ code: "UNKNOWN_MAP", message: `no such map is defined: ${known}` });
  }
  if (privates.length === 0) return { maps: [] };
  const subject = subjects.profileActor("privacy");
  const asked = { ...(map === undefined ? {} : { map }), ...(measured === undefined ? {} : { measured }) };
  const told = (await ask(bus, subject, asked, PATIENCE_MS)) as readonly MapPrivacyReport[];
  return {
    maps: told.map((one) => ({
      ...one,
      windowBuckets: maps.find(({ name }) => name === one.map)?.window.buckets ?? 0,
      lifetimes: LIVES.map((buckets) => ({
        buckets,
        epsilon: lifetimeEpsilon(buckets, one.sigma, one.delta),
      })),
    })),
  };
}
