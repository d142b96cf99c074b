/** Maps with the names of their segments: `{ lifecycle: "new" | "loyal" }`. `resonance types` writes such a type. */
export type MapsShape = Readonly<Record<string, string>>;

/** Placements with the ids of their contents: `{ home: "welcome" | "sale" }`. */
export type PlacementsShape = Readonly<Record<string, string>>;

export type NameIn<Shape> = keyof Shape & string;
