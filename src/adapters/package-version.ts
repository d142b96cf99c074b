import { readFileSync } from "node:fs";

/** The package's version. */
export function version(): string {
  // Two levels up from src/adapters, three from dist/src/adapters.
  for (const up of ["../../package.json", "../../../package.json"]) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), "utf8"));
      if (typeof parsed === "object" && parsed !== null && "version" in parsed) return String(parsed.version);
    } catch {
      // Not at this level: try the next.
    }
  }
  return "unknown";
}
