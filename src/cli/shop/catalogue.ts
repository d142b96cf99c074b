import { gaussian, type Random } from "../../kernel/random.ts";
import { DEPARTMENTS } from "./departments.ts";
import { weightedChoice } from "./weighted-choice.ts";

/** Something that the shop sells. */
export type Item = Readonly<{
  id: string;
  /** Index into {@link Catalogue.shelves}. */
  shelf: number;
  /** Department, and department with shelf: ready to be an event's categories. */
  categories: readonly string[];
  /** In euros, with whole cents. */
  price: number;
  /** Weight of being picked from its shelf: falls as a power of its rank there. */
  popularity: number;
  /** Place among the prices of its shelf: 0 is the cheapest, 1 the dearest. */
  priceRank: number;
}>;

/** One shelf of one department. */
export type Shelf = Readonly<{ department: string; words: readonly string[]; items: readonly Item[] }>;

/** All that is sold. */
export type Catalogue = Readonly<{ items: readonly Item[]; shelves: readonly Shelf[] }>;

/** What a caller may choose about the catalogue. */
export type CatalogueOptions = Readonly<{
  /** Number of items, at least 48 (one a shelf); 2,400 by default. */
  items?: number;
  /** Exponent of the popularity of items and departments by rank: 0 is even, 1 is Zipf's law; 0.9 by default. */
  skew?: number;
}>;

/** Draws a catalogue: which item lies on which shelf, how popular it is and what it costs. */
export function drawCatalogue(options: CatalogueOptions, random: Random): Catalogue {
  const skew = options.skew ?? 0.9;
  const places = DEPARTMENTS.flatMap((department) =>
    department.shelves.map((shelf) => ({ department, shelf })),
  );
  const count = Math.max(options.items ?? 2_400, places.length);
  const chooseShelf = weightedChoice(places.map((_, index) => (1 + Math.floor(index / 4)) ** (-skew / 2)));
  const ids: string[][] = places.map(() => []);
  for (let item = 0; item < count; item++) {
    // The first ones go round, so that no shelf is empty.
    ids[item < places.length ? item : chooseShelf(random)]?.push(`sku-${1_000 + item}`);
  }
  const shelves = places.map(({ department, shelf }, index) => ({
    department: department.name,
    words: [...department.words, shelf],
    items: stock({
      ids: ids[index] ?? [],
      shelf: index,
      categories: [department.name, `${department.name}/${shelf}`],
      priceMedian: department.priceMedian,
      skew,
      random,
    }),
  }));
  return { items: shelves.flatMap((shelf) => shelf.items), shelves };
}

function stock(given: {
  readonly ids: readonly string[];
  readonly shelf: number;
  readonly categories: readonly string[];
  readonly priceMedian: number;
  readonly skew: number;
  readonly random: Random;
}): Item[] {
  const prices = given.ids.map(() => cents(given.priceMedian * Math.exp(0.6 * gaussian(given.random))));
  const sorted = prices.toSorted((a, b) => a - b);
  return given.ids.map((id, index) => {
    const price = prices[index] ?? given.priceMedian;
    const priceRank = sorted.length > 1 ? sorted.indexOf(price) / (sorted.length - 1) : 0.5;
    const popularity = (index + 1) ** -given.skew;
    return { id, shelf: given.shelf, categories: given.categories, price, popularity, priceRank };
  });
}

function cents(euros: number): number {
  return Math.max(1, Math.round(euros * 100)) / 100;
}
