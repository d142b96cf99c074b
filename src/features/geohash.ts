const DIGITS = "0123456789bcdefghjkmnpqrstuvwxyz";

/**
 * The geohash cell of a place. Four characters are a cell of about 39 by 20 km: a region, not a home.
 *
 * @param latitude - In [-90, 90] degrees.
 * @param longitude - In [-180, 180] degrees.
 */
export function geohash(latitude: number, longitude: number, length: number): string {
  const ranges = [
    { low: -180, high: 180, value: longitude },
    { low: -90, high: 90, value: latitude },
  ];
  let cell = "";
  for (let digit = 0, bit = 0; digit < length; digit++) {
    let index = 0;
    for (let i = 0; i < 5; i++, bit++) {
      const range = ranges[bit % 2]!;
      const middle = (range.low + range.high) / 2;
      const upper = range.value >= middle;
      index = index * 2 + (upper ? 1 : 0);
      if (upper) range.low = middle;
      else range.high = middle;
    }
    cell += DIGITS[index];
  }
  return cell;
}
