/**
 * Places of the greatest of the first `count` values, the greatest first; of equal ones the earlier comes first.
 *
 * @param top - How many places, >= 1; all of them if there are not so many.
 */
export function strongest(values: Float64Array, count: number, top: number): readonly number[] {
  const places: number[] = [];
  for (let k = 0; k < count; k++) {
    const value = values[k] ?? 0;
    const weakest = places.at(-1);
    if (places.length >= top && weakest !== undefined && value <= (values[weakest] ?? 0)) continue;
    let at = places.length;
    while (at > 0 && value > (values[places[at - 1] ?? 0] ?? 0)) at--;
    places.splice(at, 0, k);
    if (places.length > top) places.pop();
  }
  return places;
}
