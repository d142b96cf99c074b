import type { BusReply, BusRequest } from "../actors/bus.ts";
import type { Span } from "../actors/tracer.ts";
import { Turns } from "../actors/turns.ts";
import { POLICY_NAMES } from "../content/policy.ts";
import { contentTypeOf, decodeRequest, encodeReply } from "../events/decode-request.ts";
import { refused } from "../events/request-body.ts";
import { toWireError } from "../kernel/engine-error.ts";
import type { SegmentDefinitions, SegmentMap } from "../resonance/segment-map.ts";
import { shardAsker } from "./ask-shard.ts";
import { Catalogues } from "./catalogues.ts";
import { ConsentPolicy, type GivenPolicy, getPolicy, givenPolicy } from "./consent-policy.ts";
import { createChoosing } from "./content.ts";
import { type GivenCatalogue, getCatalogue, givenCatalogue } from "./content-catalogue.ts";
import { ContextReader } from "./context-reader.ts";
import { describeProfiles } from "./describe-profiles.ts";
import { describeRates } from "./describe-rates.ts";
import { erase } from "./erase.ts";
import { ErasureNews } from "./erasure-news.ts";
import { experimentEndpoints } from "./experiments.ts";
import { exportUser } from "./export-user.ts";
import { countError, type EndpointMeter, GatewayMeter } from "./gateway-meter.ts";
import { countUp, type GatewayCounters, type GatewayOptions, type GatewayPorts } from "./gateway-ports.ts";
import { type IngestParts, ingest } from "./ingest.ts";
import { IngestLimits } from "./ingest-limits.ts";
import type { Intake } from "./intake.ts";
import { LagWatch } from "./lag-watch.ts";
import { privacyReport } from "./privacy-report.ts";
import { readFeedback } from "./read-feedback.ts";
import { type Asker, createScoring } from "./score.ts";
import {
  definedMaps,
  getSegments,
  type PutDefinitions,
  putDefinitions,
  readDefinitionsInForce,
} from "./segments.ts";
import { describeShards } from "./shards.ts";
import { status } from "./status.ts";

/** The public endpoints, by the name behind `<prefix>.v1.`; a socket mounts them. */
export type Gateway = Readonly<{
  handlers: Readonly<Record<string, (request: BusRequest) => Promise<BusReply | undefined>>>;
  counters: GatewayCounters;
  /** Takes events for an interface that speaks other words than `ingest`; its requests are counted by its name. */
  intake(name: string): Intake;
  meter: GatewayMeter;
  /** The shards that it takes no events for at the moment, since they are too far behind. */
  refusing(): readonly Readonly<{ shard: number; lag: number }>[];
  /** Reads the definitions in force again: they may have been put through another gateway. */
  refreshDefinitions(): Promise<void>;
  /** Puts definitions in force, as `segments.put` does. */
  putDefinitions(maps: readonly SegmentMap[]): Promise<void>;
  /** Reads the catalogue of contents in force again. */
  refreshCatalogue(): Promise<void>;
  /** Puts a catalogue of contents in force, as `content.put` does. */
  putCatalogue(given: GivenCatalogue): Promise<void>;
  /** Reads the policy of consent in force again. */
  refreshPolicy(): Promise<void>;
  /** Puts a policy of consent in force, as `privacy.put` does. */
  putPolicy(given: GivenPolicy): Promise<void>;
}>;

/** A gateway: it validates, routes, and answers; it keeps nothing of any user. */
export function createGateway(ports: GatewayPorts, options: GatewayOptions): Gateway {
  const counters: GatewayCounters = {
    requests: {},
    errors: {},
    accepted: 0,
    automated: 0,
    refused: {},
    dropped: {},
  };
  const contexts = new ContextReader();
  let definitions: SegmentDefinitions = { version: 0, maps: [] };
  const take = (read: SegmentDefinitions): void => {
    if (read.version >= definitions.version) definitions = read; // A slow read must not undo a newer put.
  };
  const puts = new Turns();
  /** One after the other: two puts at once would give one version to two contents. */
  const put = (maps: readonly SegmentMap[]): Promise<PutDefinitions> =>
    puts.take(async () => {
      const next = await putDefinitions(ports, options, maps);
      if (!next.isWarming) take(next.definitions);
      return next;
    });
  const catalogues = new Catalogues(ports, options);
  const policy = new ConsentPolicy(ports, options);
  const consent = () => policy.inForce;
  const mapNames = (): readonly string[] => definitions.maps.map((map) => map.name);
  const askShard = shardAsker(ports);
  const scoring = createScoring({ ...ports, askShard, contexts, consent }, options, counters, mapNames);
  const placements = () => catalogues.inForce.placements;
  const experiments = experimentEndpoints(ports, options, POLICY_NAMES, placements);
  const erasureNews = new ErasureNews(ports);
  const lags = new LagWatch(ports, options.lagMax ?? Number.POSITIVE_INFINITY);
  const taking: GatewayPorts & IngestParts = {
    ...ports,
    contexts,
    consent,
    limits: new IngestLimits(options.rates ?? {}),
    lags,
    feedbackOf: (event) => readFeedback(event, ports.decisions, (version) => catalogues.of(version)),
  };
  const endpoints: Readonly<Record<string, Endpoint>> = {
    ingest: inItsType((body, asker) => ingest(taking, options, counters, body, asker)),
    score: scoring.score,
    "score.batch": scoring.batch,
    "score.session": scoring.session,
    explain: scoring.explain,
    export: inItsType((body) => exportUser({ ...ports, askShard }, options, body)),
    profiles: inItsType((body) => describeProfiles(ports, definitions.maps, body)),
    "privacy.report": inItsType((body) => privacyReport(ports, definitions.maps, body)),
    erase: inItsType((body) => erase({ ...ports, askShard, erasureNews }, options, body)),
    shards: inItsType(async (body) => describeShards(options, body)),
    status: inItsType((body) =>
      status(ports, options, { ...counters, refusing: lags.refusing() }, policy.inForce, body),
    ),
    content: createChoosing({ ...ports, askShard, contexts, consent }, options, catalogues),
    "content.get": inItsType(async (body) => getCatalogue(catalogues.inForce, body)),
    "content.rates": inItsType((body) => describeRates(ports, catalogues.inForce, definitions.maps, body)),
    "content.put": inItsType(async (body) => {
      const { version } = await catalogues.put(givenCatalogue(body, mapNames()));
      return { version };
    }),
    "experiments.define": inItsType((body) => experiments.define(body)),
    "experiments.status": inItsType((body) => experiments.status(body)),
    "experiments.report": inItsType((body) => experiments.report(body)),
    "experiments.stop": inItsType((body) => experiments.stop(body)),
    "privacy.get": inItsType(async (body) => getPolicy(policy.inForce, body)),
    "privacy.put": inItsType(async (body) => {
      const { version } = await policy.put(givenPolicy(body));
      return { version };
    }),
    "segments.get": inItsType(async (body) => getSegments(definitions, body)),
    "segments.put": inItsType(async (body) => {
      const { definitions: given, isWarming } = await put(definedMaps(body));
      return { version: given.version, ...(isWarming ? { warming: true } : {}) };
    }),
  };
  const meter = new GatewayMeter(Object.keys(endpoints));
  const handlers = Object.fromEntries(
    Object.entries(endpoints).map(([name, answer]) => [
      name,
      measured(ports, meter, name, (request, own, span) =>
        handle(name, answer, { counters, meter: own, span }, request),
      ),
    ]),
  );
  return {
    handlers,
    counters,
    intake: (name) => {
      const own = meter.of(name);
      return {
        async take(events, producer) {
          countUp(counters.requests, name);
          const beganMs = ports.clock.monotonicMs();
          meter.inFlight++;
          const by = producer === undefined ? {} : { producer };
          try {
            return await ingest(taking, options, counters, { events }, by);
          } catch (thrown) {
            const error = toWireError(thrown);
            countUp(counters.errors, error.code);
            countError(own, error);
            throw thrown;
          } finally {
            meter.inFlight--;
            own.durations.observe((ports.clock.monotonicMs() - beganMs) / 1_000);
          }
        },
        refused: (code) => countUp(counters.refused, code),
      };
    },
    meter,
    refusing: () => lags.refusing(),
    async refreshDefinitions() {
      take(await readDefinitionsInForce(ports));
    },
    async putDefinitions(maps) {
      await put(maps);
    },
    refreshCatalogue: () => catalogues.refresh(),
    async putCatalogue(given) {
      await catalogues.put(given);
    },
    refreshPolicy: () => policy.refresh(),
    async putPolicy(given) {
      await policy.put(given);
    },
  };
}

/** Answers a decoded request; undefined if the answer goes to the asker from elsewhere. */
type Endpoint = (body: unknown, asker: Asker) => Promise<BusReply | undefined>;

/** An endpoint that has a value to tell, which is encoded as the request was. */
function inItsType(answer: (body: unknown, asker: Asker) => Promise<unknown>): Endpoint {
  return async (body, asker) => ({
    data: encodeReply(await answer(body, asker), asker.type),
    contentType: asker.type,
  });
}

/** Measures how long an answer takes, and records it where traces are wanted. It does not fail: failures are answers. */
function measured(
  { clock, tracer }: Pick<GatewayPorts, "clock" | "tracer">,
  meter: GatewayMeter,
  name: string,
  answer: (
    request: BusRequest,
    meter: EndpointMeter,
    span: Span | undefined,
  ) => Promise<BusReply | undefined>,
): (request: BusRequest) => Promise<BusReply | undefined> {
  const own = meter.of(name);
  return async (request) => {
    const beganMs = clock.monotonicMs();
    meter.inFlight++;
    const span = tracer?.start(`resonance ${name}`, { kind: "server", parent: request.traceparent });
    const reply = await answer(request, own, span);
    span?.end(reply?.error?.code);
    meter.inFlight--;
    own.durations.observe((clock.monotonicMs() - beganMs) / 1_000);
    return reply;
  };
}

/** Decodes and answers; a failure is an error reply with its code in the request's own content type. */
async function handle(
  name: string,
  answer: Endpoint,
  {
    counters,
    meter,
    span,
  }: Readonly<{ counters: GatewayCounters; meter: EndpointMeter; span: Span | undefined }>,
  request: BusRequest,
): Promise<BusReply | undefined> {
  countUp(counters.requests, name);
  const named = contentTypeOf(request.contentType);
  const type = typeof named === "string" ? named : "application/json";
  try {
    if (typeof named !== "string") throw refused(named);
    const decoded = decodeRequest(request.data, type);
    if (decoded.kind === "refused") throw refused(decoded);
    const { producer, replyTo = "" } = request;
    return await answer(decoded.value, {
      ...{ type, replyTo },
      ...(producer === undefined ? {} : { producer }),
      ...(span === undefined ? {} : { span }),
    });
  } catch (thrown) {
    const error = toWireError(thrown);
    countUp(counters.errors, error.code);
    countError(meter, error);
    return { data: encodeReply(error, type), contentType: type, error };
  }
}
