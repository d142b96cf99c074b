import { EngineError } from "../kernel/engine-error.ts";
import type { Placement } from "./catalogue.ts";

/** A placement that is not in the catalogue: `UNKNOWN_PLACEMENT`, or `NO_CONTENT` if there is no catalogue. */
export function unknownPlacement(placements: readonly Placement[]): EngineError {
  if (placements.length === 0) {
    const message = "no contents are defined: send content.put, or start a node with --content FILE";
    return new EngineError({ code: "NO_CONTENT", message, retryable: false });
  }
  const defined = placements.map((placement) => placement.name).join(", ");
  const message = `no such placement is defined: ${defined}`;
  return new EngineError({ code: "UNKNOWN_PLACEMENT", message, retryable: false });
}
