import {
  ErrorCode,
  type EvaluationContext,
  FlagNotFoundError,
  type FlagValueType,
  GeneralError,
  InvalidContextError,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  ProviderNotReadyError,
  type ResolutionDetails,
  TargetingKeyMissingError,
  type TrackingEventDetails,
} from "@openfeature/server-sdk";
import type { Content, Score } from "../answers.ts";
import { connect } from "../connect.ts";
import type { Context } from "../event.ts";
import type { ConnectOptions } from "../options.ts";
import type { Resonance } from "../resonance.ts";
import { ResonanceError } from "../resonance-error.ts";
import { DefinedFlags, type Flag } from "./defined-flags.ts";
import { LastAnswers } from "./last-answers.ts";
import { fromContent, fromScore, type Resolved } from "./resolve-flag.ts";
import { isFeedback, trackedEvent } from "./tracked-event.ts";

/** What a provider may be told. */
export type ProviderOptions = Readonly<{
  /** A client that is there already, which stays its owner's to close. */
  resonance?: Resonance;
  /** Or how to connect. */
  connect?: ConnectOptions;
  /** Who sends what is tracked, where the first one may only read. */
  tracking?: Pick<Resonance, "ingest">;
  /** Flags by keys of one's own, beside those that every segment and placement has. */
  flags?: Readonly<Record<string, Flag>>;
  /** Fields of the evaluation context that tell how a visitor comes; those of docs/events.md. */
  contextFields?: readonly string[];
  /** Patience with one evaluation, ms; 500. */
  timeoutMs?: number;
  /** How old an answer may be that stands in while the engine does not answer, ms; 5 minutes. 0 for none. */
  staleMs?: number;
  /** Answers kept for that, and decisions for tracking; 10,000. */
  keptMax?: number;
  /** How often to look for other definitions, contents and profiles, ms; 30,000. */
  refreshMs?: number;
  /** Is told when something that was tracked is refused; else the process is warned. */
  onTrackingFailed?: (error: unknown) => void;
}>;

const CONTEXT_FIELDS = [
  "referrer",
  "userAgent",
  "language",
  "country",
  "region",
  "zone",
  "utcOffset",
  "device",
  "os",
  "browser",
  "campaign",
  "source",
  "medium",
  "utm_source",
  "utm_medium",
  "utm_campaign",
];
const TIMEOUT_MS = 500;
const STALE_MS = 300_000;
const KEPT_MAX = 10_000;
const REFRESH_MS = 30_000;
const START_MS = 10_000;

const NOT_STARTED = "the provider is not initialized, or is closed";

/** Codes that say that the engine has no such thing. */
const NOT_DEFINED = ["UNKNOWN_MAP", "UNKNOWN_PLACEMENT", "NO_SEGMENTS", "NO_CONTENT"];
/** Codes that say that the question was wrong. */
const BAD_QUESTION = /^(BAD_(?!REPLY)|TOO_|WRONG_TYPE|MISSING_FIELD|FORBIDDEN_KEY)/;

/** Resolves flags from how strongly a user resonates, and what the engine chooses for them: docs/sdk.md. */
export class ResonanceProvider implements Provider {
  readonly metadata = { name: "resonance" } as const;
  readonly runsOn = "server" as const;
  readonly events = new OpenFeatureEventEmitter();
  readonly #options: ProviderOptions;
  readonly #scores: LastAnswers<Score>;
  readonly #contents: LastAnswers<Content>;
  /** The last choice for a user, at each placement and at any. */
  readonly #decisions: LastAnswers<string>;
  /** Map to the version of its profiles that was seen last. */
  readonly #profiles = new Map<string, number>();
  #resonance: Resonance | undefined;
  #defined: DefinedFlags;
  /** Versions of definitions and contents that the flags were made of. */
  #versions = "";
  #isInTrouble = false;
  #timer: NodeJS.Timeout | undefined;
  #forget: (() => void) | undefined;

  constructor(options: ProviderOptions = {}) {
    this.#options = options;
    const { keptMax: max = KEPT_MAX, staleMs: oldestMs = STALE_MS } = options;
    const bounds = { max, oldestMs, nowMs: () => performance.now() };
    this.#scores = new LastAnswers(bounds);
    this.#contents = new LastAnswers(bounds);
    this.#decisions = new LastAnswers({ ...bounds, oldestMs: STALE_MS });
    this.#defined = new DefinedFlags(options.flags ?? {});
  }

  /** Connects, and reads what is defined. @throws ResonanceError. */
  async initialize(): Promise<void> {
    const resonance = this.#options.resonance ?? (await connect(this.#options.connect));
    try {
      await this.#read(resonance, START_MS);
    } catch (thrown) {
      if (this.#options.resonance === undefined) await resonance.close();
      throw thrown;
    }
    this.#resonance = resonance;
    this.#forget = resonance.onConnection((isUp) => {
      if (isUp) this.events.emit(ProviderEvents.Ready, { message: "connected again" });
      else this.events.emit(ProviderEvents.Stale, { message: "the connection to NATS is lost" });
    });
    this.#timer = setInterval(() => void this.#refresh(resonance), this.#options.refreshMs ?? REFRESH_MS);
    this.#timer.unref();
  }

  async onClose(): Promise<void> {
    clearInterval(this.#timer);
    this.#forget?.();
    if (this.#options.resonance === undefined) await this.#resonance?.close();
    this.#resonance = undefined;
  }

  resolveBooleanEvaluation(
    key: string,
    value: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    return this.#resolve(key, "boolean", value, context);
  }

  resolveStringEvaluation(
    key: string,
    value: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    return this.#resolve(key, "string", value, context);
  }

  resolveNumberEvaluation(
    key: string,
    value: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>> {
    return this.#resolve(key, "number", value, context);
  }

  resolveObjectEvaluation<Value extends JsonValue>(
    key: string,
    value: Value,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<Value>> {
    return this.#resolve(key, "object", value, context);
  }

  /** Sends what was tracked as an event of its name; what a flag of a placement had chosen gets it as feedback. */
  track(name: string, context: EvaluationContext, details: TrackingEventDetails): void {
    const sender = this.#options.tracking ?? this.#resonance;
    if (sender === undefined) throw new ProviderNotReadyError(NOT_STARTED);
    const user = targetOf(context);
    const event = trackedEvent(name, user, details);
    const { flag } = details;
    const chosen = event.decision ?? (isFeedback(name) ? this.#decisionFor(user, flag) : undefined);
    const sent = sender.ingest(chosen === undefined ? event : { ...event, decision: chosen });
    sent.catch((thrown: unknown) => {
      const { onTrackingFailed } = this.#options;
      if (onTrackingFailed !== undefined) onTrackingFailed(thrown);
      else process.emitWarning(`"${name}" could not be tracked: ${thrown}`, "ResonanceWarning");
    });
  }

  #decisionFor(user: string, key: unknown): string | undefined {
    const flag = typeof key === "string" ? this.#defined.of(key) : undefined;
    const placement = flag !== undefined && "placement" in flag ? flag.placement : "";
    return this.#decisions.get(keyOf(placement, user));
  }

  async #resolve<Value extends JsonValue>(
    key: string,
    type: FlagValueType,
    value: Value,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<Value>> {
    if (this.#resonance === undefined) throw new ProviderNotReadyError(NOT_STARTED);
    const flag = this.#defined.of(key);
    if (flag === undefined)
      throw new FlagNotFoundError(`the engine has nothing that "${key}" would be the flag of`);
    const user = targetOf(context);
    try {
      const { value: resolved = value, ...details } = await this.#resolved(flag, type, user, context);
      return { value: resolved as Value, ...details };
    } catch (thrown) {
      throw thrown instanceof ResonanceError ? flagError(thrown) : thrown;
    }
  }

  async #resolved(
    flag: Flag,
    type: FlagValueType,
    user: string,
    context: EvaluationContext,
  ): Promise<Resolved> {
    if (flag.kind === "segment" || flag.kind === "map") {
      const { answer, isOld } = await this.#fresh(this.#scores, keyOf(flag.map, user), (resonance, how) =>
        resonance.score(user, { ...how, map: flag.map, context: this.#arrivalOf(context) }),
      );
      this.#saw(answer.map, answer.versions.profiles[answer.map] ?? 0);
      return fromScore(flag, type, answer, isOld);
    }
    const key = keyOf(flag.placement, user);
    const arrival = this.#arrivalOf(context);
    const { answer, isOld } = await this.#fresh(this.#contents, key, (resonance, how) =>
      resonance.content(user, flag.placement, {
        ...how,
        ...(arrival === undefined ? {} : { context: arrival }),
      }),
    );
    if (!isOld)
      for (const placement of [flag.placement, ""])
        this.#decisions.put(keyOf(placement, user), answer.decision);
    return fromContent(flag, type, answer, isOld);
  }

  /** The engine's answer; while it does not answer, the last one, if there is one. */
  async #fresh<Answer>(
    kept: LastAnswers<Answer>,
    key: string,
    ask: (resonance: Resonance, how: Readonly<{ timeoutMs: number }>) => Promise<Answer>,
  ): Promise<Readonly<{ answer: Answer; isOld: boolean }>> {
    const resonance = this.#resonance;
    if (resonance === undefined) throw new ProviderNotReadyError(NOT_STARTED);
    try {
      const answer = await ask(resonance, { timeoutMs: this.#options.timeoutMs ?? TIMEOUT_MS });
      kept.put(key, answer);
      return { answer, isOld: false };
    } catch (thrown) {
      const mayPass = thrown instanceof ResonanceError && thrown.retryable;
      const answer = mayPass ? kept.get(key) : undefined;
      if (answer === undefined) throw thrown;
      return { answer, isOld: true };
    }
  }

  /** How a visitor comes, as far as the evaluation's context tells: texts only, as the engine takes them. */
  #arrivalOf(context: EvaluationContext): Context | undefined {
    const told: Record<string, string> = {};
    for (const field of this.#options.contextFields ?? CONTEXT_FIELDS) {
      const value = context[field];
      if (typeof value === "string") told[field] = value;
    }
    return Object.keys(told).length === 0 ? undefined : told;
  }

  #saw(map: string, version: number): void {
    const before = this.#profiles.get(map);
    if (before !== undefined && version <= before) return;
    this.#profiles.set(map, version);
    if (before !== undefined) this.#changed(this.#defined.ofMaps(new Set([map])));
  }

  #changed(flagsChanged: string[]): void {
    if (flagsChanged.length > 0) this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged });
  }

  async #read(resonance: Resonance, timeoutMs: number): Promise<void> {
    const [definitions, catalogue, profiles] = await Promise.all([
      resonance.segments({ timeoutMs }),
      resonance.catalogue({ timeoutMs }),
      resonance.profiles({ timeoutMs }),
    ]);
    for (const { map, version } of profiles) this.#saw(map, version);
    const versions = `${definitions.version} ${catalogue.version}`;
    if (versions === this.#versions) return;
    const isFirst = this.#versions === "";
    const before = this.#defined;
    this.#versions = versions;
    this.#defined = new DefinedFlags(this.#options.flags ?? {}, definitions, catalogue);
    if (isFirst) return;
    // Also what is gone has changed.
    const maps = new Set(definitions.maps.map(({ name }) => name));
    for (const map of this.#profiles.keys()) maps.add(map);
    const keys = [before, this.#defined].flatMap((flags) => [...flags.ofMaps(maps), ...flags.atPlacements()]);
    this.#changed([...new Set(keys)]);
  }

  async #refresh(resonance: Resonance): Promise<void> {
    try {
      await this.#read(resonance, this.#options.refreshMs ?? REFRESH_MS);
      if (this.#isInTrouble) this.events.emit(ProviderEvents.Ready, { message: "the engine answers again" });
      this.#isInTrouble = false;
    } catch (thrown) {
      this.#isInTrouble = true;
      const message = `what is defined can't be read: ${thrown}`;
      const mayPass = thrown instanceof ResonanceError && thrown.retryable;
      if (mayPass) this.events.emit(ProviderEvents.Stale, { message });
      else this.events.emit(ProviderEvents.Error, { message, errorCode: ErrorCode.GENERAL });
    }
  }
}

function targetOf({ targetingKey }: EvaluationContext): string {
  if (typeof targetingKey === "string" && targetingKey !== "") return targetingKey;
  throw new TargetingKeyMissingError("the targeting key must be the user's id");
}

/** No name of a map or a placement has a blank in it. */
function keyOf(name: string, user: string): string {
  return `${name} ${user}`;
}

function flagError(error: ResonanceError): Error {
  const { code, message } = error;
  const options = { cause: error };
  const told = `${code}: ${message}`;
  if (NOT_DEFINED.includes(code)) return new FlagNotFoundError(told, options);
  if (BAD_QUESTION.test(code)) return new InvalidContextError(told, options);
  if (error.retryable || code === "CLOSED") return new ProviderNotReadyError(told, options);
  return new GeneralError(told, options);
}
