import type { Random } from "../../kernel/random.ts";
import type { Catalogue } from "./catalogue.ts";
import { ACTIONS, type Action, type ShopperSegment } from "./shopper-segments.ts";
import { weightedChoice } from "./weighted-choice.ts";

/** A segment's habits against one catalogue, compiled into draws that cost a few nanoseconds. */
export type ShopperBehaviour = Readonly<{
  action: (random: Random) => Action;
  /** A shelf that this segment's taste leads to: an index into the catalogue's shelves. */
  shelf: (random: Random) => number;
  /** An item of a shelf: an index into the shelf's items. */
  itemOf: (shelf: number, random: Random) => number;
  referrer: (random: Random) => number;
  device: (random: Random) => number;
  /** Chance that a visit which could start at this time does start, in [0, 1]: hour of the day and weekend. */
  readiness: (atMs: number) => number;
  /** Mean time from the end of a session to the next moment when one could start, ms. */
  attemptMeanMs: number;
}>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Popularity of departments falls with their place in the shop: one is known to all, the last to few. */
const DEPARTMENT_SKEW = 0.45;

/** Compiles a segment's habits. */
export function shopperBehaviour(segment: ShopperSegment, catalogue: Catalogue): ShopperBehaviour {
  const chooseAction = weightedChoice(segment.actions);
  const items = catalogue.shelves.map((shelf) =>
    weightedChoice(
      shelf.items.map((item) => item.popularity * Math.exp(segment.priceLean * (item.priceRank - 0.5))),
    ),
  );
  const hours = hourWeights(segment.peakHours);
  const weekMean = (hours.reduce((sum, weight) => sum + weight, 0) / 24) * ((5 + 2 * segment.weekend) / 7);
  const weekMax = Math.max(...hours) * Math.max(1, segment.weekend);
  return {
    action: (random) => ACTIONS[chooseAction(random)] ?? "view",
    shelf: weightedChoice(shelfWeights(segment, catalogue)),
    itemOf: (shelf, random) => items[shelf]?.(random) ?? 0,
    referrer: weightedChoice(segment.referrers),
    device: weightedChoice(segment.devices),
    readiness: (atMs) => {
      const hour = Math.floor(atMs / HOUR_MS) % 24;
      return ((hours[hour] ?? 0) * (isWeekend(atMs) ? segment.weekend : 1)) / weekMax;
    },
    // A Poisson process thinned by readiness has the wanted rate if it tries that much more often.
    attemptMeanMs: (DAY_MS / segment.sessionsPerDay) * (weekMean / weekMax),
  };
}

function shelfWeights(segment: ShopperSegment, catalogue: Catalogue): number[] {
  const departments = [...new Set(catalogue.shelves.map((shelf) => shelf.department))];
  return catalogue.shelves.map((shelf) => {
    const rank = departments.indexOf(shelf.department) + 1;
    return rank ** -DEPARTMENT_SKEW * (segment.tastes[shelf.department] ?? 1);
  });
}

/** Visits by hour: a low floor through the night, and a bell of about two hours around each peak. */
function hourWeights(peakHours: readonly number[]): number[] {
  return Array.from({ length: 24 }, (_, hour) => {
    const bells = peakHours.map((peak) => {
      const away = Math.abs(hour - peak);
      return Math.exp(-0.5 * (Math.min(away, 24 - away) / 2.2) ** 2);
    });
    return 0.12 + bells.reduce((sum, bell) => sum + bell, 0);
  });
}

function isWeekend(atMs: number): boolean {
  const day = (Math.floor(atMs / DAY_MS) + 4) % 7; // 1 January 1970 was a Thursday; 0 is Sunday.
  return day === 0 || day === 6;
}
