import type { TraitValue } from "../events/event.ts";
import { passes } from "./condition.ts";
import type { SegmentMap } from "./segment-map.ts";

/**
 * The segment of a map that an authenticated user is a member of.
 *
 * @param label - What `identify` said last for this map: a segment, null for "out of the map", undefined for nothing.
 * @returns The labelled segment if the map has it, else the first whose rule the traits pass, else undefined.
 */
export function segmentOf(
  map: SegmentMap,
  label: string | null | undefined,
  traits: ReadonlyMap<string, TraitValue>,
): string | undefined {
  if (label === null) return undefined;
  if (label !== undefined && map.segments.some((segment) => segment.name === label)) return label;
  return map.segments.find((segment) => segment.rule !== undefined && passes(segment.rule, traits))?.name;
}
