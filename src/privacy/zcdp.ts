import { bisectFalling } from "./bisect.ts";

/**
 * Zero-concentrated differential privacy of Gaussian noise on a vector of L2 sensitivity `sensitivity`, in one unit with
 * `sigma`. It holds for discrete noise on whole numbers as it does for continuous noise, and adds up over releases.
 *
 * @see Canonne, Kamath, Steinke 2020, theorem 14.
 */
export function rhoOfGaussian({
  sigma,
  sensitivity,
}: Readonly<{ sigma: number; sensitivity: number }>): number {
  return sensitivity ** 2 / (2 * sigma ** 2);
}

/** Orders from here on are looked at: below, the bound is never the least. */
const LEAST_ORDER = 1.01;

/**
 * A delta for which rho-zCDP implies (epsilon, delta)-differential privacy.
 *
 * @see Canonne, Kamath, Steinke 2020, proposition 7; OpenDP's `cdp_delta`.
 */
export function zcdpDelta(rho: number, epsilon: number): number {
  if (rho === 0) return 0;
  const slope = (order: number): number => (2 * order - 1) * rho - epsilon + Math.log1p(-1 / order);
  // The slope rises with the order; its zero is where the bound is least.
  const order = bisectFalling((at) => -slope(at), 0, {
    low: LEAST_ORDER,
    high: (epsilon + 1) / (2 * rho) + 2,
  });
  const exponent = (order - 1) * (order * rho - epsilon) + order * Math.log1p(-1 / order);
  return Math.min(1, Math.exp(exponent - Math.log(order - 1)));
}

/** The least epsilon for which rho-zCDP is known to imply (epsilon, delta)-differential privacy. */
export function zcdpEpsilon(rho: number, delta: number): number {
  if (rho === 0 || zcdpDelta(rho, 0) <= delta) return 0;
  return bisectFalling((epsilon) => zcdpDelta(rho, epsilon), delta, { low: 0, high: 1 });
}

/** The largest rho, to within the last bits, that implies (epsilon, delta)-differential privacy. */
export function zcdpRho({ epsilon, delta }: Readonly<{ epsilon: number; delta: number }>): number {
  // In 1 / rho the delta falls; the end that is returned keeps the promise.
  return 1 / bisectFalling((inverse) => zcdpDelta(1 / inverse, epsilon), delta, { low: 0, high: 1 });
}
