/** Header fields that tell which trace a request belongs to, such as `traceparent`. */
export type TraceFields = Readonly<Record<string, string>>;

/** The trace that is under way where this is called; undefined if there is none. */
export type CurrentTrace = () => TraceFields | undefined;

/** What is used of `@opentelemetry/api`. */
type OpenTelemetry = Readonly<{
  context: { active(): unknown };
  propagation: { inject(context: unknown, carrier: Record<string, string>): void };
}>;

/** A name that the compiler can't follow: whoever does not trace need not have the package. */
const PACKAGE: string = "@opentelemetry/api";

/** Takes the trace from OpenTelemetry, if its API is installed; else there never is one. */
export async function openTelemetryTrace(
  load: () => Promise<unknown> = () => import(PACKAGE),
): Promise<CurrentTrace> {
  let api: OpenTelemetry;
  try {
    api = (await load()) as OpenTelemetry;
  } catch {
    return () => undefined;
  }
  return () => {
    const fields: Record<string, string> = {};
    api.propagation.inject(api.context.active(), fields);
    for (const _ in fields) return fields;
    return undefined;
  };
}
