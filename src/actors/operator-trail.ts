import { isSigned } from "../events/roles.ts";
import type { Report } from "../kernel/report.ts";

/** A request of what only operators may ask. Neither its body nor whom it concerns is a part of it. */
export type OperatorRequest = Readonly<{
  /** Its subject; over the console the method and path of its route, with parameters by name: `POST /…/:id/retry`. */
  endpoint: string;
  via: "nats" | "console";
  /** The public nkey that has signed it, or the name of the key that was shown; undefined if nobody has proven who they are. */
  by: string | undefined;
  /** Whether it was let through to what answers it. */
  isServed: boolean;
  /** Of the error that it was answered with; undefined if it succeeded. */
  code: string | undefined;
}>;

/** Keeps who has asked what of a node that only operators may ask, and what came of it. */
export type OperatorTrail = Readonly<{
  /** Whether requests on a subject are kept. */
  keeps(subject: string): boolean;
  tell(request: OperatorRequest): void;
}>;

/** Whoever may not ask could fill the log: of what is refused so many lines are written, the rest is counted. */
const REFUSED_MAX = 60;
const REFUSED_WINDOW_MS = 60_000;

/**
 * Writes the trail as lines of a node's log.
 *
 * @param prefix - First word of the engine's subjects.
 * @param monotonicMs - Of a clock that never goes back.
 */
export function operatorTrail(report: Report, prefix: string, monotonicMs: () => number): OperatorTrail {
  const window = { beganMs: Number.NEGATIVE_INFINITY, told: 0 };
  let leftOut = 0;
  const isTooMany = (): boolean => {
    const nowMs = monotonicMs();
    if (nowMs - window.beganMs >= REFUSED_WINDOW_MS) {
      window.beganMs = nowMs;
      window.told = 0;
    }
    return ++window.told > REFUSED_MAX;
  };
  const progress = `${prefix}.internal.profiles.training`;
  return {
    keeps: (subject) => isSigned(prefix, subject),
    tell({ endpoint, via, by, isServed, code }) {
      if (endpoint === progress && code === undefined) return; // Whoever trains looks three times a second.
      if (!isServed && isTooMany()) {
        leftOut++;
        return;
      }
      const outcome = code === undefined ? "ok" : isServed ? "failed" : "refused";
      const who = by ?? "somebody who has not proven who they are";
      const missing = leftOut === 0 ? "" : `; ${leftOut} refused requests before it were not written`;
      report(`${who} asked ${endpoint} over ${via}: ${code ?? outcome}${missing}`, {
        event: "operator.request",
        level: outcome === "refused" ? "warn" : "info",
        ...{ endpoint, via, outcome },
        ...(by === undefined ? {} : { by }),
        ...(code === undefined ? {} : { code }),
        ...(leftOut === 0 ? {} : { leftOut }),
      });
      leftOut = 0;
    },
  };
}
