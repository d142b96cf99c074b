import type { Gateway } from "../gateway/gateway.ts";
import type { Readiness } from "../gateway/readiness.ts";
import type { Samples } from "./samples.ts";

/** Adds what a gateway has counted and measured. */
export function addGateway(
  samples: Samples,
  { counters, meter, refusing }: Pick<Gateway, "counters" | "meter" | "refusing">,
): void {
  for (const [endpoint, { durations, errors }] of meter.endpoints) {
    const figures = durations.figures();
    const answered = figures.counts.reduce((sum, count) => sum + count, 0);
    samples.add("resonance_gateway_requests_total", answered, { endpoint });
    samples.addBuckets("resonance_gateway_request_duration_seconds", figures, { endpoint });
    for (const [code, { count, retryable }] of errors)
      samples.add("resonance_gateway_errors_total", count, { endpoint, code, retryable: String(retryable) });
  }
  samples.add("resonance_gateway_requests_in_flight", meter.inFlight);
  samples.add("resonance_ingest_accepted_total", counters.accepted);
  samples.add("resonance_ingest_automated_total", counters.automated);
  for (const [code, count] of Object.entries(counters.refused))
    samples.add("resonance_ingest_refused_total", count, { code });
  for (const [dropped, count] of Object.entries(counters.dropped)) {
    const [purpose = "", reason = ""] = dropped.split(".");
    samples.add("resonance_consent_dropped_total", count, { purpose, reason });
  }
  samples.add("resonance_ingest_refusing_shards", refusing().length);
}

/** Adds whether the node is ready, and why not. */
export function addReadiness(samples: Samples, { ready, reasons }: Readiness): void {
  samples.add("resonance_ready", ready);
  for (const { code } of reasons) samples.add("resonance_not_ready_reason", 1, { code });
}
