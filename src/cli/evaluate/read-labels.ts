import { readEventsFile } from "../read-events-file.ts";

/**
 * Reads one label of each user from a file of `{user, labels: {name: value}}` lines.
 *
 * @returns User to label, in file order; users without the label are left out.
 */
export async function readLabels(path: string, label: string): Promise<Map<string, string>> {
  const labels = new Map<string, string>();
  for await (const line of await readEventsFile(path)) {
    if (line.kind === "bad") continue;
    const { user, labels: given } = line.value as {
      user?: unknown;
      labels?: Readonly<Record<string, unknown>>;
    };
    const value = typeof given === "object" && given !== null ? given[label] : undefined;
    if (typeof user === "string" && (typeof value === "string" || typeof value === "number"))
      labels.set(user, String(value));
  }
  return labels;
}
