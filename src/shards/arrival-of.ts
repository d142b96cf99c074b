import type { Arrival } from "../features/arrival.ts";
import type { Context } from "./context.ts";

/**
 * How somebody came: as their first act told, and of those who have done nothing yet, as a request tells.
 *
 * @param asked - Of the request.
 */
export function arrivalOf(context: Context, asked: Arrival | undefined): Arrival | undefined {
  return context.events === 0 ? (context.arrival ?? asked) : context.arrival;
}
