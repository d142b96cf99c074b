import { BucketCounts } from "../kernel/bucket-counts.ts";

/**
 * Upper ends of buckets of a request's duration, s: from a score out of memory (under a millisecond) to what waits for a
 * fail-over (6 s).
 */
export const REQUEST_SECONDS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Errors of one code that an endpoint has answered. */
export type CountedError = { count: number; readonly retryable: boolean };

/** What one endpoint has done: its rate, its errors, its durations. */
export type EndpointMeter = Readonly<{
  durations: BucketCounts;
  /** By code. Codes are the program's own, so their number is bounded. */
  errors: Map<string, CountedError>;
}>;

/** What a gateway measures of its requests, for metrics. */
export class GatewayMeter {
  readonly #endpoints = new Map<string, EndpointMeter>();
  inFlight = 0;

  constructor(endpoints: readonly string[]) {
    for (const name of endpoints) this.of(name);
  }

  get endpoints(): ReadonlyMap<string, EndpointMeter> {
    return this.#endpoints;
  }

  /** What is measured of an endpoint, from now on if it is new. */
  of(name: string): EndpointMeter {
    let meter = this.#endpoints.get(name);
    if (meter === undefined) {
      meter = { durations: new BucketCounts(REQUEST_SECONDS), errors: new Map() };
      this.#endpoints.set(name, meter);
    }
    return meter;
  }
}

/** Counts an error that an endpoint answers. */
export function countError(
  { errors }: EndpointMeter,
  { code, retryable }: Readonly<{ code: string; retryable: boolean }>,
): void {
  const counted = errors.get(code);
  if (counted === undefined) errors.set(code, { count: 1, retryable });
  else counted.count++;
}
