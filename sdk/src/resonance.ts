import type { NatsConnection } from "@nats-io/transport-node";
import type {
  Catalogue,
  Content,
  Definitions,
  Explained,
  Profiles,
  Score,
  SessionScore,
  Status,
  Way,
} from "./answers.ts";
import type { Context, Ingested, ResonanceEvent } from "./event.ts";
import type { MapsShape, NameIn, PlacementsShape } from "./maps.ts";
import type { AskOptions } from "./questions.ts";
import type { ScoreTable } from "./score-table.ts";
import type { ScoreOptions, TableOptions } from "./scores.ts";
import type { Transitions } from "./transition-stream.ts";

/** What was heard of a content that was chosen. */
export type Outcome = "impression" | "click" | "purchase" | "dismiss";

export type TransitionOptions<Map extends string = string, Segment extends string = string> = Readonly<{
  map?: Map;
  segment?: Segment;
  /** Transitions that wait to be taken; 10,000. When there are more, the oldest make room. */
  bufferMax?: number;
  signal?: AbortSignal;
  onDropped?: (dropped: number) => void;
}>;

export type SessionOptions<Map extends string = string> = AskOptions &
  Readonly<{
    map?: Map | undefined;
    context?: Context | undefined;
    top?: number | undefined;
    /** The token of the last answer; false if none is wanted. */
    token?: string | false | undefined;
  }>;

/**
 * A running engine, as a service uses it. `Maps` names its segments and `Placements` its contents: `resonance types`
 * writes both.
 */
export type Resonance<
  Maps extends MapsShape = MapsShape,
  Placements extends PlacementsShape = PlacementsShape,
> = Readonly<{
  /**
   * Sends events, many of many calls in one request, and resolves once the engine's log has stored them. What may pass by
   * itself is sent again, under the same ids.
   *
   * @throws ResonanceError the code of the first refusal if nothing was stored; `QUEUE_FULL`, `CLOSED`, `ABORTED`.
   */
  ingest(
    events: ResonanceEvent | readonly ResonanceEvent[],
    options?: Readonly<{ signal?: AbortSignal }>,
  ): Promise<Ingested>;
  /**
   * The same, but resolves as soon as there was room for the events in the queue: whoever awaits it never sends faster
   * than the engine takes. Refusals are told to `onRefused`, or as a warning of the process.
   */
  enqueue(events: ResonanceEvent | readonly ResonanceEvent[]): Promise<void>;
  /** Sends what waits, and resolves once all that was handed over before is settled. */
  flush(): Promise<void>;
  /** Events that are held, here, until the engine has stored them. */
  readonly pending: number;

  /** How strongly a user resonates with each segment of a map, now. */
  score<Name extends NameIn<Maps> = NameIn<Maps>>(
    user: string,
    options?: ScoreOptions<Name>,
  ): Promise<Score<Maps, Name>>;
  /** The same of any number of users, as a table. */
  scoreMany<Name extends NameIn<Maps> = NameIn<Maps>>(
    users: readonly string[],
    options?: TableOptions<Name>,
  ): Promise<ScoreTable<Name, Maps[Name]>>;
  /** The same of a visitor of whom nothing is stored: what they did is sent along. */
  scoreSession<Name extends NameIn<Maps> = NameIn<Maps>>(
    events: readonly ResonanceEvent[],
    options?: SessionOptions<Name>,
  ): Promise<SessionScore<Maps, Name>>;
  /** What to show a user at a placement. */
  content<Name extends NameIn<Placements>>(
    user: string,
    placement: Name,
    options?: AskOptions & Readonly<{ context?: Context }>,
  ): Promise<Content<Placements, Name>>;
  /** Why a user is scored as they are, or why an answer was what it was. */
  explain(
    about: Readonly<{ user: string; map?: NameIn<Maps>; context?: Context }> | Readonly<{ decision: string }>,
    options?: AskOptions & Readonly<{ segments?: readonly string[] }>,
  ): Promise<Explained<Maps>>;
  /** What is published of each map. */
  profiles(
    options?: AskOptions & Readonly<{ map?: NameIn<Maps>; curve?: boolean }>,
  ): Promise<readonly Profiles<Maps>[]>;
  status(options?: AskOptions): Promise<Status>;
  /** The definitions of segments in force. */
  segments(options?: AskOptions): Promise<Definitions>;
  /** The catalogue of contents in force. */
  catalogue(options?: AskOptions): Promise<Catalogue>;
  /** Users who enter or leave resonating, as it happens. */
  transitions<Name extends NameIn<Maps> = NameIn<Maps>>(
    options?: TransitionOptions<Name, Maps[Name]>,
  ): Transitions<Maps, Name>;

  /** Tells what became of a content that was chosen. */
  feedback(
    answer: Readonly<{ user: string; decision: string }>,
    outcome: Outcome,
    more?: Omit<ResonanceEvent, "user" | "type" | "decision">,
  ): Promise<Ingested>;
  /** Says who a user is: labels by map, and traits. */
  identify(
    user: string,
    who: Pick<ResonanceEvent, "segments" | "traits" | "consent" | "context">,
  ): Promise<Ingested>;
  /** Records what a user agreed to, or took back, by purpose. */
  consent(user: string, purposes: Readonly<Record<string, boolean>>): Promise<Ingested>;

  /** Which ways scores have gone so far. */
  readonly ways: Readonly<Record<Way, number>>;
  /** Calls back whenever the connection to NATS breaks, or is back. @returns What ends that. */
  onConnection(listener: (isUp: boolean) => void): () => void;
  /** The connection underneath. */
  readonly nats: NatsConnection;
  /**
   * Sends what waits, and closes the connection unless it was given.
   *
   * @param patienceMs - How long that may take; 30,000.
   * @throws ResonanceError `NOT_DRAINED` if events were left: their calls have been rejected.
   */
  close(patienceMs?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}>;
