/** What a span is about: parts of the deployment, sizes, codes. Never a user, and nothing that was sent. */
export type SpanFacts = Readonly<Record<string, string | number>>;

/** How a span begins. */
export type SpanStart = Readonly<{
  /** `server` answers a request, `producer` puts messages into a log, `consumer` takes them out. */
  kind?: "server" | "producer" | "consumer";
  /** The `traceparent` of the span that it is a part of; a trace of its own if left out. */
  parent?: string | undefined;
  /** Those of spans that led to it, too: a batch has many. */
  links?: readonly string[];
  facts?: SpanFacts;
}>;

/** A part of a trace that is recorded. */
export interface Span {
  /** What those who go on with the trace are handed. @see https://www.w3.org/TR/trace-context/#traceparent-header */
  readonly traceparent: string;
  /** Ends it; with the code of the error if it failed. */
  end(code?: string): void;
}

/** Records traces. Where none are wanted there is no tracer, and nothing is done for them. */
export interface Tracer {
  /** Begins a span; undefined if its trace is not recorded. */
  start(name: string, how?: SpanStart): Span | undefined;
}

/** Links that one span gets at most: a batch may have thousands of entries. */
export const LINKS_MAX = 32;

/** The trace that a `traceparent` is of, 32 hexadecimal digits. */
export function traceIdOf(traceparent: string): string {
  return traceparent.slice(3, 35);
}
