/** What a line about a node's life is about, for whoever reads many of them by machine. */
export type ReportFacts = Readonly<{
  /** What happened, as a word that stays: `unit.restarting`. docs/operations.md lists them. */
  event: string;
  /** `info` if left out. */
  level?: "info" | "warn" | "error";
  /** The node that tells it. */
  node?: string;
  /** The shard, or the profile actor, that it is about. */
  unit?: string;
  /** Of the error that it tells. */
  code?: string;
  /** The trace that it happened in, as 32 hexadecimal digits. */
  traceId?: string;
  /** Of an operator's request: what was asked over what, by whom, what came of it, and how many refusals before it are not told. */
  endpoint?: string;
  via?: "nats" | "console";
  by?: string;
  outcome?: "ok" | "failed" | "refused";
  leftOut?: number;
}>;

/** Is told what happens, a line each. No line holds anything of a user. */
export type Report = (line: string, facts: ReportFacts) => void;
