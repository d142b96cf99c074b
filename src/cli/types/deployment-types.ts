import type { Content } from "../../content/catalogue.ts";

/** Names of a deployment: of segments by map, and of contents by placement. */
export type DeploymentNames = Readonly<{
  maps: readonly Readonly<{ name: string; segments: readonly Readonly<{ name: string }>[] }>[];
  placements: readonly Readonly<{ name: string }>[];
  items: readonly Pick<Content, "id" | "placements">[];
}>;

/** Longer lines are broken, so that formatters leave the file alone. */
const LINE_CHARS = 100;

const HEAD = `// Written by \`resonance types\`: do not edit. \`resonance types --check --out FILE\` says whether it still holds.
`;

/** A module of TypeScript whose types name what a deployment has; the same names give the same text. */
export function deploymentTypes({ maps, placements, items }: DeploymentNames): string {
  const segments = maps.map(({ name, segments }) => [name, segments.map((segment) => segment.name)] as const);
  const contents = placements.map(
    ({ name }) => [name, items.filter((item) => item.placements.includes(name)).map(({ id }) => id)] as const,
  );
  const flags = [
    ...segments.flatMap(([map, names]) => [map, ...names.map((name) => `${map}.${name}`)]),
    ...placements.flatMap(({ name }) => [`content:${name}`, `experiment:${name}`]),
  ];
  return [
    HEAD,
    "/** Maps, with the names of their segments. */",
    record("Maps", segments),
    "/** Placements, with the ids of the contents that may be shown there. */",
    record("Placements", contents),
    "/** Keys of the flags that the OpenFeature provider resolves without further configuration. */",
    declared("export type FlagKey =", flags, "  "),
    "",
  ].join("\n");
}

function record(name: string, entries: readonly (readonly [string, readonly string[]])[]): string {
  const lines = entries.map(([key, values]) => declared(`  readonly ${keyOf(key)}:`, values, "    "));
  return [`export type ${name} = {`, ...lines, "};", ""].join("\n");
}

/** A union behind what it is of. */
function declared(head: string, values: readonly string[], indent: string): string {
  const quoted = [...new Set(values)].map((value) => JSON.stringify(value));
  const union = quoted.length === 0 ? "never" : quoted.join(" | ");
  const line = `${head} ${union};`;
  if (line.length <= LINE_CHARS) return line;
  return `${[head, ...quoted.map((value) => `${indent}| ${value}`)].join("\n")};`;
}

function keyOf(name: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : JSON.stringify(name);
}
