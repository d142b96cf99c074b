import { expect, test } from "vitest";
import { isTracingWanted, startTracing } from "../../src/adapters/otel-tracing.ts";
import { readTraceparent, writeTraceparent } from "../../src/adapters/traceparent.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" };
const WHERE = { node: "one", thread: "gateway" };

test("traces are off unless an endpoint is named, and can be switched off with one", async () => {
  expect(await startTracing({}, WHERE)).toBeUndefined();
  expect(isTracingWanted(ENDPOINT)).toBe(true);
  expect(isTracingWanted({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:1" })).toBe(true);
  expect(isTracingWanted({ ...ENDPOINT, OTEL_SDK_DISABLED: "TRUE" })).toBe(false);
  expect(isTracingWanted({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" })).toBe(false);
});

test("the sampler is the one that the variables name", async () => {
  const sampled = async (more: Record<string, string>, parent?: string) => {
    const tracing = await startTracing({ ...ENDPOINT, ...more }, WHERE);
    const span = tracing?.tracer.start("a", parent === undefined ? {} : { parent });
    return span?.traceparent; // Not ended: nothing is sent.
  };
  const recorded = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  expect(await sampled({})).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(await sampled({}, recorded)).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-/);
  expect(await sampled({}, recorded.replace(/01$/, "00"))).toBeUndefined();
  expect(await sampled({ OTEL_TRACES_SAMPLER: "always_off" }, recorded)).toBeUndefined();
  const none = { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" };
  expect(await sampled(none)).toBeUndefined();
  expect(await sampled(none, recorded)).toBeDefined();
});

test("a variable that asks for what there is not is refused by its name", async () => {
  const refused = { code: "BAD_TRACING", retryable: false };
  for (const [variable, value] of [
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
    ["OTEL_TRACES_SAMPLER_ARG", "2"],
  ] as const)
    await expect(startTracing({ ...ENDPOINT, [variable]: value }, WHERE)).rejects.toMatchObject({
      ...refused,
      detail: { variable },
    });
});

test("a traceparent is read and written as W3C has it, and what is none is left alone", () => {
  const text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const read = readTraceparent(text);
  expect(read).toMatchObject({ traceId: text.slice(3, 35), spanId: text.slice(36, 52), traceFlags: 1 });
  expect(read && writeTraceparent(read)).toBe(text);
  const none = [
    ...["", "00", text.toUpperCase(), `${text}0`, text.replace("00-", "ff-"), `${text}\r\nx: y`],
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
  ];
  for (const one of none) expect(readTraceparent(one), one).toBeUndefined();
});
