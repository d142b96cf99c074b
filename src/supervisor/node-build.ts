/** What a build writes of one format, and what it reads: whole numbers that grow with each change. */
export type Format = Readonly<{ writes: number; reads: readonly [oldest: number, newest: number] }>;

/** What a node runs: told to the others in its record, so that those who could not work together don't. */
export type NodeBuild = Readonly<{
  /** The package's. */
  version: string;
  formats: Readonly<Record<string, Format>>;
  /** What has to be the same on all nodes, since what follows from the log depends on it. */
  same: Readonly<Record<string, string>>;
}>;

/**
 * Why two builds can't share a cluster: one writes what the other does not read, or they make different things of one log. What only
 * one of them knows does not count: a format that is new is written once all read it.
 *
 * @returns Undefined if they can.
 */
export function incompatibility(mine: NodeBuild, theirs: NodeBuild): string | undefined {
  for (const [name, ours] of Object.entries(mine.formats)) {
    const format = theirs.formats[name];
    if (format === undefined) continue;
    if (!isRead(format.writes, ours))
      return `it writes ${name} ${format.writes}, this build reads ${range(ours)}`;
    if (!isRead(ours.writes, format))
      return `this build writes ${name} ${ours.writes}, it reads ${range(format)}`;
  }
  for (const [name, value] of Object.entries(mine.same)) {
    const other = theirs.same[name];
    if (other !== undefined && other !== value)
      return `its ${name} are ${other}, those of this build ${value}`;
  }
  return undefined;
}

function isRead(format: number, { reads: [oldest, newest] }: Format): boolean {
  return format >= oldest && format <= newest;
}

function range({ reads: [oldest, newest] }: Format): string {
  return oldest === newest ? String(oldest) : `${oldest} to ${newest}`;
}
