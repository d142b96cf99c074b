import { decodeRequest } from "../events/decode-request.ts";
import { fieldsOf, refused } from "../events/request-body.ts";
import type { ProfilesReply } from "../gateway/describe-profiles.ts";
import { type AdminRequest, type AdminRoute, jsonReply } from "../gateway/http/admin-route.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { SegmentDefinitions, SegmentMap } from "../resonance/segment-map.ts";
import type { ConsolePorts } from "./console-ports.ts";
import { namedIn } from "./read-query.ts";

/** What `GET /console/v1/segments` answers. */
export type SegmentsView = Readonly<{
  /** Of the definitions in force. */
  version: number;
  maps: readonly ProfilesReply[];
}>;

/** Segments: what is published, who would move with other thresholds, and thresholds that are put. */
export function segmentRoutes(
  ports: Pick<ConsolePorts, "ask" | "userStanding" | "putDefinitions">,
): readonly AdminRoute[] {
  return [
    {
      method: "GET",
      path: "/console/v1/segments",
      role: "reader",
      async answer() {
        const [{ version }, { maps }] = await Promise.all([
          definitionsNow(ports),
          ports.ask("profiles", { curve: true }) as Promise<Pick<SegmentsView, "maps">>,
        ]);
        return jsonReply({ version, maps } satisfies SegmentsView);
      },
    },
    {
      method: "GET",
      path: "/console/v1/segments/:map/standing",
      role: "reader",
      async answer({ params, query }) {
        const segment = query["segment"];
        const map = namedIn(params, "map");
        const asked = { map, ...(segment === undefined ? {} : { segment }) };
        return jsonReply(await ports.userStanding(asked));
      },
    },
    {
      method: "POST",
      path: "/console/v1/segments/:map/threshold",
      role: "operator",
      async answer(request) {
        const definitions = await definitionsNow(ports);
        await ports.putDefinitions(
          withThreshold(definitions, namedIn(request.params, "map"), givenIn(request)),
        );
        return jsonReply({ version: (await definitionsNow(ports)).version });
      },
    },
  ];
}

/** The definitions in force. */
export function definitionsNow({ ask }: Pick<ConsolePorts, "ask">): Promise<SegmentDefinitions> {
  return ask("segments.get", {}) as Promise<SegmentDefinitions>;
}

/** A segment's threshold that is to be fixed; `version`: of the definitions that whoever put it was looking at. */
type GivenThreshold = Readonly<{ segment: string; enter: number; version: number }>;

/**
 * The maps with a fixed threshold in the place of one segment's.
 *
 * @throws EngineError `UNKNOWN_MAP`, `UNKNOWN_SEGMENT`; `DEFINITIONS_CHANGED` if others were put meanwhile.
 */
export function withThreshold(
  { version, maps }: SegmentDefinitions,
  name: string,
  given: GivenThreshold,
): readonly SegmentMap[] {
  const map = maps.find((one) => one.name === name);
  if (map === undefined)
    throw refused({ code: "UNKNOWN_MAP", message: `no such map is defined: ${namesOf(maps)}` });
  if (!map.segments.some((one) => one.name === given.segment))
    throw refused({
      code: "UNKNOWN_SEGMENT",
      message: `the map has no such segment: ${namesOf(map.segments)}`,
    });
  if (version !== given.version) throw definitionsChanged(version);
  const segments = map.segments.map((one) => {
    if (one.name !== given.segment) return one;
    const { minEvidence } = one.threshold ?? map.threshold;
    return { ...one, threshold: { enter: given.enter, minEvidence } };
  });
  return maps.map((one) => (one === map ? { ...map, segments } : one));
}

function givenIn({ body }: AdminRequest): GivenThreshold {
  const decoded = decodeRequest(body, "application/json");
  if (decoded.kind === "refused") throw refused(decoded);
  const { segment, enter, version } = fieldsOf(decoded.value, ["segment", "enter", "version"]);
  if (typeof segment !== "string") throw refused({ code: "WRONG_TYPE", message: "segment must be a name" });
  if (typeof enter !== "number" || !(enter > 0 && enter < 1))
    throw refused({ code: "WRONG_TYPE", message: "enter must be a number between 0 and 1" });
  if (typeof version !== "number")
    throw refused({ code: "WRONG_TYPE", message: "version must be the number of the definitions seen" });
  return { segment, enter, version };
}

function definitionsChanged(version: number): EngineError<"DEFINITIONS_CHANGED"> {
  const message = `other definitions were put meanwhile, v${version}: look at them first, then put the threshold again`;
  return new EngineError({ code: "DEFINITIONS_CHANGED", message, retryable: false, detail: { version } });
}

function namesOf(some: readonly Readonly<{ name: string }>[]): string {
  return some.map(({ name }) => name).join(", ") || "none is";
}
