import { LINKS_MAX, type Span, type SpanFacts, type Tracer } from "../actors/tracer.ts";

/** The spans of a batch that is being folded. */
export type FoldTrace = Readonly<{
  /** Of the batch: what follows from it is a part of its trace. */
  traceparent: string | undefined;
  /** Ends them; with the code of the error if the batch failed. */
  end(code?: string): void;
}>;

/**
 * Begins the spans of a batch. Its entries come from many traces: the batch has a trace of its own, linked to theirs, and each of
 * theirs goes on with a span that is linked to the batch's.
 *
 * @param traces - Of the entries, as `traceparent`; those beyond {@link LINKS_MAX} are left out.
 */
export function beginFold(tracer: Tracer, traces: readonly string[], facts: SpanFacts): FoldTrace {
  const links = traces.slice(0, LINKS_MAX);
  const batch = tracer.start("shard fold batch", { kind: "consumer", links, facts });
  const linked = batch === undefined ? {} : { links: [batch.traceparent] };
  const parts: (Span | undefined)[] = links.map((parent) =>
    tracer.start("shard fold", { kind: "consumer", parent, ...linked, facts }),
  );
  return {
    traceparent: batch?.traceparent,
    end(code) {
      for (const part of parts) part?.end(code);
      batch?.end(code);
    },
  };
}
