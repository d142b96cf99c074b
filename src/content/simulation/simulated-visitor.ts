import { feedbackEvidence } from "../feedback-evidence.ts";
import { addEvidence, type Evidence, LEDGER_SETTINGS, type Ledger } from "../ledger.ts";
import type { RateTable } from "../rate-table.ts";
import type { Responsibilities } from "../responsibilities.ts";

/** An impression whose outcome may still change. */
export type PendingImpression = Readonly<{
  content: number;
  shownAtMs: number;
  who: Responsibilities;
  /** Posterior before the outcome; shape [segments + 1]. */
  posterior: Float64Array;
  /** A click is on its way and comes after the time-out. */
  clicksLate: boolean;
}>;

/** What is kept of one visitor between rounds. */
export type SimulatedVisitor = { ledger: Ledger | undefined; pending: PendingImpression | undefined };

/** What an outcome is judged with. */
export type Judge = Readonly<{ table: RateTable; timeoutMs: number; weight: number }>;

/** A click that came in time. */
export function tellClick(
  visitor: SimulatedVisitor,
  impression: PendingImpression,
  atMs: number,
  judge: Judge,
): void {
  visitor.ledger = addEvidence(visitor.ledger, evidenceOf(impression, true, judge), atMs);
}

/** The visitor's last impression is past its time-out: it counts as none, until a click comes after all. */
export function tellTimeout(visitor: SimulatedVisitor, impression: PendingImpression, judge: Judge): void {
  const atMs = impression.shownAtMs + judge.timeoutMs;
  const none = evidenceOf(impression, false, judge);
  visitor.ledger = addEvidence(visitor.ledger, none, atMs);
  if (!impression.clicksLate) return;
  visitor.ledger = addEvidence(visitor.ledger, none, atMs, LEDGER_SETTINGS, -1);
  tellClick(visitor, impression, atMs + judge.timeoutMs, judge);
}

function evidenceOf(
  { content, posterior }: PendingImpression,
  clicked: boolean,
  { table, weight }: Judge,
): Evidence {
  return feedbackEvidence(table, content, clicked, posterior, { examination: 1, weight });
}
