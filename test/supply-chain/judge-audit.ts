/** What `npm audit --json` came to. */
export type AuditVerdict = Readonly<{
  kind: "clean" | "known" | "fixable" | "unanswered";
  /** For people, a line each. */
  lines: readonly string[];
}>;

/** Severities that must not stay where there is a fix. */
const SEVERE = ["high", "critical"];

type Vulnerability = Readonly<{ name: string; severity: string; range?: string; fixAvailable: unknown }>;

/**
 * Judges the output of `npm audit --json`: what is severe and has a fix must be fixed; what has none is told; and a registry that
 * does not answer says nothing of the code.
 */
export function judgeAudit(output: string): AuditVerdict {
  const report = parsed(output);
  const vulnerabilities = report?.["vulnerabilities"];
  if (report === undefined || typeof vulnerabilities !== "object" || vulnerabilities === null) {
    const reason = typeof report?.["message"] === "string" ? report["message"] : "no answer";
    return { kind: "unanswered", lines: [`the registry did not tell of vulnerabilities: ${reason}`] };
  }
  const all = Object.values(vulnerabilities as Record<string, Vulnerability>);
  const severe = all.filter(({ severity }) => SEVERE.includes(severity));
  const fixable = severe.filter(({ fixAvailable }) => fixAvailable !== false);
  const kind = fixable.length > 0 ? "fixable" : all.length > 0 ? "known" : "clean";
  if (kind === "clean") return { kind, lines: ["no known vulnerabilities"] };
  return { kind, lines: all.map((one) => `${one.severity}: ${one.name} ${one.range ?? ""} (${fixOf(one)})`) };
}

function fixOf({ fixAvailable }: Vulnerability): string {
  return fixAvailable === false ? "no fix yet" : "npm audit fix";
}

function parsed(output: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
