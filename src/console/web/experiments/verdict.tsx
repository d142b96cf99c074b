import type { Verdict } from "../../../experiments/decide.ts";
import { Tag } from "../parts/facts.tsx";

const WORDS: Readonly<Record<Verdict["kind"], readonly [words: string, tone?: "good" | "warn" | "bad"]>> = {
  ship: ["ship it", "good"],
  stop: ["stop it", "bad"],
  continue: ["go on", "warn"],
  invalid: ["invalid", "bad"],
};

export const REASONS: Readonly<Record<Verdict["because"], string>> = {
  "better-and-safe":
    "its interval lies on the good side of 0, guardrails are safe, and the split is as it should be",
  worse: "its interval lies on the bad side of 0",
  "guardrail-harmed": "a guardrail is harmed by more than it may be",
  "guardrail-open": "it is better, but a guardrail could still be harmed by more than it may be",
  undecided: "its interval holds 0",
  "planned-sample-reached":
    "its interval holds 0 with all planned units: the difference is small, if there is one",
  "too-early": "there is too little to look at: it takes 200 units and 10 conversions an arm",
  "effect-changed": "no single effect fits all looks: it was another one before",
  "sample-ratio": "arms do not have the units that they should have: find out why, no number can be trusted",
};

/** What to do about an arm, in a word. */
export function VerdictTag({ kind }: Pick<Verdict, "kind">) {
  const [words, tone] = WORDS[kind];
  return <Tag tone={tone}>{words}</Tag>;
}
