/** What of a CycloneDX document is looked at here; all else stays as it is. */
export type Sbom = Readonly<{
  components: readonly Readonly<{ "bom-ref": string }>[];
  dependencies: readonly Readonly<{ ref: string; dependsOn?: readonly string[] }>[];
}>;

/** Packages of a lockfile by their places, as npm writes them. */
export type LockedPackages = Readonly<
  Record<string, Readonly<{ name?: string; version?: string; dev?: boolean; link?: boolean }>>
>;

/** What is installed without development dependencies, `name@version`: `npm ci --omit dev` goes by the same mark. */
export function productionPackages(packages: LockedPackages): Set<string> {
  const found = new Set<string>();
  for (const [place, { name, version, dev, link }] of Object.entries(packages))
    if (dev !== true && link !== true) found.add(`${name ?? place.split("node_modules/").at(-1)}@${version}`);
  return found;
}

/**
 * A document of all packages, less those for development. `npm sbom --omit dev` leaves out more: every package that is needed in
 * production, and that something for development needs too.
 */
export function productionSbom<Document extends Sbom>(all: Document, packages: LockedPackages): Document {
  const kept = productionPackages(packages);
  return {
    ...all,
    components: all.components.filter((component) => kept.has(component["bom-ref"])),
    dependencies: all.dependencies
      .filter(({ ref }) => kept.has(ref))
      .map((one) => ({ ...one, dependsOn: (one.dependsOn ?? []).filter((ref) => kept.has(ref)) })),
  };
}
