import type { Attributes, Context, Link, Span as OtelSpan, SpanContext } from "@opentelemetry/api";
import type { Sampler } from "@opentelemetry/sdk-trace";
import type { Span, SpanStart, Tracer } from "../actors/tracer.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { version } from "./package-version.ts";
import { readTraceparent, writeTraceparent } from "./traceparent.ts";

/** Traces that are recorded and sent. */
export type RunningTracing = Readonly<{
  tracer: Tracer;
  /** Sends what is left, and ends. */
  close(): Promise<void>;
}>;

type Environment = Readonly<Record<string, string | undefined>>;

/** How long the end waits for spans to be sent. */
const CLOSE_PATIENCE_MS = 3_000;

/**
 * Records traces and sends them over OTLP (HTTP, protobuf), if the standard variables name an endpoint. The SDK is loaded then
 * only, so that others pay nothing for it.
 *
 * @param where - The node's name, and which of its threads this is.
 * @throws EngineError `BAD_TRACING` if a variable asks for what there is not.
 * @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
export async function startTracing(
  env: Environment,
  where: Readonly<{ node: string; thread: string }>,
): Promise<RunningTracing | undefined> {
  if (!isTracingWanted(env)) return undefined;
  const protocol = env["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] ?? env["OTEL_EXPORTER_OTLP_PROTOCOL"];
  if (protocol !== undefined && protocol !== "" && protocol !== "http/protobuf")
    throw badTracing("OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "http/protobuf");
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-proto"),
    import("@opentelemetry/resources"),
  ]);
  const provider = new sdk.TracerProvider({
    sampler: samplerOf(env, sdk),
    resource: resourceFromAttributes({
      ...resourceIn(env["OTEL_RESOURCE_ATTRIBUTES"]),
      "service.name": env["OTEL_SERVICE_NAME"] || "resonance",
      "service.version": version(),
      "service.instance.id": where.node,
      "thread.name": where.thread,
    }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter(), // It reads its own variables.
        ...wholeNumber("scheduledDelayMillis", env["OTEL_BSP_SCHEDULE_DELAY"]),
        ...wholeNumber("maxQueueSize", env["OTEL_BSP_MAX_QUEUE_SIZE"]),
        ...wholeNumber("maxExportBatchSize", env["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"]),
      }),
    ],
  });
  const tracer = provider.getTracer("resonance", version());
  const kinds = {
    server: api.SpanKind.SERVER,
    producer: api.SpanKind.PRODUCER,
    consumer: api.SpanKind.CONSUMER,
  };
  const under = (parent: string | undefined): Context => {
    const context = parent === undefined ? undefined : readTraceparent(parent);
    return context === undefined ? api.ROOT_CONTEXT : api.trace.setSpanContext(api.ROOT_CONTEXT, context);
  };
  return {
    tracer: {
      start(name, { kind, parent, links, facts }: SpanStart = {}) {
        const span = tracer.startSpan(
          name,
          {
            kind: kind === undefined ? api.SpanKind.INTERNAL : kinds[kind],
            ...(links === undefined ? {} : { links: links.flatMap(linkOf) }),
            ...(facts === undefined ? {} : { attributes: facts as Attributes }),
          },
          under(parent),
        );
        return span.isRecording() ? recorded(span, api.SpanStatusCode.ERROR) : undefined;
      },
    },
    async close() {
      const patience = new Promise<void>((resolve) => setTimeout(resolve, CLOSE_PATIENCE_MS).unref());
      await Promise.race([provider.shutdown().catch(() => {}), patience]); // Nobody may listen there any more.
    },
  };
}

/** Whether traces are to be sent anywhere. */
export function isTracingWanted(env: Environment): boolean {
  const isNamed = Boolean(env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_ENDPOINT"]);
  const isDisabled =
    env["OTEL_SDK_DISABLED"]?.toLowerCase() === "true" || env["OTEL_TRACES_EXPORTER"] === "none";
  return isNamed && !isDisabled;
}

function recorded(span: OtelSpan, failed: number): Span {
  let traceparent: string | undefined;
  return {
    get traceparent() {
      traceparent ??= writeTraceparent(span.spanContext());
      return traceparent;
    },
    end(code) {
      if (code !== undefined) {
        span.setStatus({ code: failed, message: code });
        span.setAttribute("error.type", code);
      }
      span.end();
    },
  };
}

function linkOf(traceparent: string): Link[] {
  const context: SpanContext | undefined = readTraceparent(traceparent);
  return context === undefined ? [] : [{ context }];
}

function samplerOf(env: Environment, sdk: typeof import("@opentelemetry/sdk-trace")): Sampler {
  const name = env["OTEL_TRACES_SAMPLER"] || "parentbased_always_on";
  const given = env["OTEL_TRACES_SAMPLER_ARG"];
  const ratio = given === undefined || given === "" ? 1 : Number(given);
  if (!(ratio >= 0 && ratio <= 1)) throw badTracing("OTEL_TRACES_SAMPLER_ARG", given ?? "", "0 to 1");
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    traceidratio: () => new sdk.TraceIdRatioBasedSampler(ratio),
  };
  const root = roots[name.replace(/^parentbased_/, "")];
  if (root === undefined)
    throw badTracing("OTEL_TRACES_SAMPLER", name, "[parentbased_]always_on, always_off or traceidratio");
  return name.startsWith("parentbased_") ? new sdk.ParentBasedSampler({ root: root() }) : root();
}

/** `key=value,key=value`, percent-encoded. */
function resourceIn(text = ""): Record<string, string> {
  const pairs = text.split(",").flatMap((pair) => {
    const [key = "", ...value] = pair.split("=");
    return key.trim() === "" || value.length === 0
      ? []
      : [[key.trim(), decodeURIComponent(value.join("=").trim())]];
  });
  return Object.fromEntries(pairs);
}

function wholeNumber(name: string, text: string | undefined): Readonly<Record<string, number>> {
  const number = Number(text);
  return text === undefined || text === "" || !Number.isInteger(number) ? {} : { [name]: number };
}

function badTracing(variable: string, given: string, allowed: string): EngineError {
  const message = `${variable} is "${given}": ${allowed}, please`;
  return new EngineError({ code: "BAD_TRACING", message, retryable: false, detail: { variable } });
}
