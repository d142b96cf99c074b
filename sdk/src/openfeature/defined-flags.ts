import type { Catalogue, Definitions } from "../answers.ts";

/** What a flag is resolved from. */
export type Flag =
  /** Whether, and how strongly, a user resonates with a segment: a boolean, or a number. */
  | Readonly<{ kind: "segment"; map: string; segment: string }>
  /** Which segment of a map is the strongest: a text; or the whole distribution as an object. */
  | Readonly<{ kind: "map"; map: string }>
  /** Which content is chosen at a placement: a text; or the whole choice as an object. */
  | Readonly<{ kind: "content"; placement: string }>
  /** Which arm of the experiment at a placement a user is in: a text. */
  | Readonly<{ kind: "experiment"; placement: string }>;

const CONTENT = "content:";
const EXPERIMENT = "experiment:";

/** What is defined in the engine, as far as flags need to know. */
export class DefinedFlags {
  readonly #given: Readonly<Record<string, Flag>>;
  readonly #segments = new Map<string, ReadonlySet<string>>();
  readonly #placements = new Map<string, string>();

  /** @param given - Flags by keys of one's own; they go before those that every segment and placement has. */
  constructor(given: Readonly<Record<string, Flag>>, definitions?: Definitions, catalogue?: Catalogue) {
    this.#given = given;
    for (const { name, segments } of definitions?.maps ?? [])
      this.#segments.set(name, new Set(segments.map((segment) => segment.name)));
    for (const { name, map } of catalogue?.placements ?? []) this.#placements.set(name, map);
  }

  /**
   * The flag of a key: one of those given; else `map.segment`, `map`, `content:placement` or `experiment:placement`, if the
   * engine has it. No name of a map or segment has a point or a colon in it.
   */
  of(key: string): Flag | undefined {
    if (Object.hasOwn(this.#given, key)) return this.#given[key];
    if (key.startsWith(CONTENT)) return this.#atPlacement("content", key.slice(CONTENT.length));
    if (key.startsWith(EXPERIMENT)) return this.#atPlacement("experiment", key.slice(EXPERIMENT.length));
    const [map = "", segment, ...more] = key.split(".");
    const segments = this.#segments.get(map);
    if (segments === undefined || more.length > 0) return undefined;
    if (segment === undefined) return { kind: "map", map };
    return segments.has(segment) ? { kind: "segment", map, segment } : undefined;
  }

  /** Keys of all flags whose values follow from one of these maps. */
  ofMaps(maps: ReadonlySet<string>): string[] {
    const own = Object.entries(this.#given).flatMap(([key, flag]) =>
      maps.has(this.#mapOf(flag)) ? [key] : [],
    );
    const segments = [...this.#segments].flatMap(([map, names]) =>
      maps.has(map) ? [map, ...Array.from(names, (name) => `${map}.${name}`)] : [],
    );
    const placements = [...this.#placements].flatMap(([placement, map]) =>
      maps.has(map) ? [CONTENT + placement, EXPERIMENT + placement] : [],
    );
    return [...own, ...segments, ...placements];
  }

  /** Keys of all flags at placements. */
  atPlacements(): string[] {
    const own = Object.entries(this.#given).flatMap(([key, flag]) => ("placement" in flag ? [key] : []));
    return [...own, ...[...this.#placements.keys()].flatMap((name) => [CONTENT + name, EXPERIMENT + name])];
  }

  #atPlacement(kind: "content" | "experiment", placement: string): Flag | undefined {
    return this.#placements.has(placement) ? { kind, placement } : undefined;
  }

  #mapOf(flag: Flag): string {
    return "map" in flag ? flag.map : (this.#placements.get(flag.placement) ?? "");
  }
}
