import { bench, describe } from "vitest";
import { startTracing } from "../../src/adapters/otel-tracing.ts";
import { systemClock } from "../../src/adapters/system-clock.ts";
import { countError, GatewayMeter } from "../../src/gateway/gateway-meter.ts";
import { assert } from "../../src/kernel/assert.ts";

/** Full scale: BENCH_SCALE=full. */
const isFull = process.env["BENCH_SCALE"] === "full";
const REQUESTS = isFull ? 100_000 : 1_000;
const ENDPOINT = {
  OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
  OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
};
const WHERE = { node: "bench", thread: "bench" };

const meter = new GatewayMeter(["score"]);
const own = meter.of("score");
const rarely = (await startTracing({ ...ENDPOINT, OTEL_TRACES_SAMPLER_ARG: "0.001" }, WHERE))?.tracer;
const always = (await startTracing({ ...ENDPOINT, OTEL_TRACES_SAMPLER_ARG: "1" }, WHERE))?.tracer;

describe(`what watching adds to ${REQUESTS} requests of a gateway`, () => {
  bench("metrics: two looks at the clock, a bucket, the number in flight", () => {
    const before = own.durations.figures().counts.reduce((sum, count) => sum + count, 0);
    for (let i = 0; i < REQUESTS; i++) {
      const beganMs = systemClock.monotonicMs();
      meter.inFlight++;
      meter.inFlight--;
      own.durations.observe((systemClock.monotonicMs() - beganMs) / 1_000);
    }
    const after = own.durations.figures().counts.reduce((sum, count) => sum + count, 0);
    assert(after - before === REQUESTS && meter.inFlight === 0, "each request is counted");
  });

  bench("metrics: an error", () => {
    for (let i = 0; i < REQUESTS; i++) countError(own, { code: "TIMEOUT", retryable: true });
    assert((own.errors.get("TIMEOUT")?.count ?? 0) >= REQUESTS, "each error is counted");
  });

  bench("traces, one request of a thousand recorded", () => {
    let recorded = 0;
    for (let i = 0; i < REQUESTS; i++) {
      const span = rarely?.start("resonance score", { kind: "server" });
      if (span !== undefined) recorded++;
      span?.end();
    }
    assert(rarely !== undefined && recorded < REQUESTS / 10, "few are recorded");
  });

  bench("traces, each request recorded", () => {
    let recorded = 0;
    for (let i = 0; i < REQUESTS; i++) {
      const span = always?.start("resonance score", { kind: "server" });
      if (span !== undefined) recorded++;
      span?.end();
    }
    assert(recorded === REQUESTS, "all are recorded");
  });
});
