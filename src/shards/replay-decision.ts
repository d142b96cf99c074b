import { Buffer } from "node:buffer";
import type { Log, LogMessage } from "../actors/log.ts";
import { untrainedEncoder } from "../embedding/untrained-encoder.ts";
import { decodeEntries } from "../events/log-codec.ts";
import type { Behaviour, Control, LogEntry, PositionedEntry } from "../events/log-entry.ts";
import { FEATURES } from "../features/all-families.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { type Decision, decisionTooOld } from "../resonance/decision-id.ts";
import { foldBatch } from "./fold-batch.ts";
import { type HeldUser, NOTHING_HELD, type WantedUser } from "./held-user.ts";
import { emptyOutcome } from "./outcome.ts";
import type { ReleaseSource } from "./releases.ts";
import { fetchFor, missingProfiles, restoreVersions } from "./restore-versions.ts";
import { newShardState, type ShardState } from "./shard-state.ts";

/** What a replay needs of the world. */
export type ReplayPorts = Readonly<{
  log: Pick<Log, "bounds" | "read">;
  releases: ReleaseSource;
  /** A user as of the newest snapshot that is not later than a sequence; undefined if there is no snapshot. */
  heldAt(sequence: number, wanted: WantedUser): Promise<HeldUser | undefined>;
  /** Monotonic time, ms. */
  monotonicMs(): number;
}>;

export type ReplayOptions = Readonly<{
  shard: number;
  /** The stream of the shard's log. */
  stream: string;
  /** Whether a log that begins with its first entry begins with nothing held: not behind a resharding. */
  beginsEmpty: boolean;
  /** Newest events kept a user: the deployment's own number, or rebuilt contexts differ. */
  ringEvents: number;
  /** Messages of the log that are read at most. */
  messagesMax: number;
  /** Time that reading them may take, ms. */
  patienceMs: number;
}>;

/** A shard as it was when a decision was answered, but for all other users. */
export type Replayed = Readonly<{
  state: ShardState;
  /** Undefined if nothing was held of the user: an id does not tell whom a prior was answered for. */
  user: string | undefined;
  /** What the user did, as the log has it, oldest first: repeats and what is older than the snapshot left out. */
  behaviours: readonly Behaviour[];
}>;

/** A snapshot, of which all must be read, is worth that from so many messages on: some seconds of reading. */
const SNAPSHOT_FROM = 500_000;
/** Entries that are kept to be folded, at most: 100 MB. */
const ENTRIES_MAX = 200_000;
const READ_MESSAGES = 4_096;
/** Entries of one user that are set aside, at most, before the replay is given up. */
const ASIDE_MAX = 64;
/** The first bytes of a message with one entry, and of a map in MessagePack: only control entries are maps. */
const ONE_ENTRY = 1;

/**
 * Folds one user's entries, and the control entries between them, up to where a decision was answered. Contexts depend on
 * nothing else, so that the state is the same to the last bit.
 *
 * @throws EngineError `DECISION_TOO_OLD` if log, snapshots or releases do not reach back; `REPLAY_TOO_LONG` beyond the
 * limits; `LOG_UNAVAILABLE`, `BLOBS_UNAVAILABLE` (retryable).
 */
export async function replayDecision(
  ports: ReplayPorts,
  decision: Decision,
  options: ReplayOptions,
): Promise<Replayed> {
  const { log } = ports;
  const { first, last } = await log.bounds(options.stream);
  if (decision.applied > last)
    throw decisionTooOld(`the log ends at entry ${last}, the decision was made at ${decision.applied}`);
  const isKnown = decision.kind === "known";
  const named = isKnown ? await userNamed(ports, decision, first, options) : undefined;
  const wanted: WantedUser = {
    isCandidate: (user) => (named === undefined ? isKnown && decision.isOf(user) : user === named),
    isIt: ({ user, lastSequence }) => user === named || lastSequence === decision.lastSequence,
  };
  const isFromStart = first === 1 && options.beginsEmpty;
  const held =
    isFromStart && decision.applied <= SNAPSHOT_FROM
      ? undefined
      : await ports.heldAt(decision.applied, wanted);
  if (held === undefined && !isFromStart)
    throw decisionTooOld("the log was trimmed, and no snapshot is left from before the decision");
  const start = held ?? NOTHING_HELD;
  const user = named ?? start.user;
  if (isKnown && user === undefined) throw decisionTooOld("the entry that names its user was trimmed");
  const entries = await entriesOf(
    ports,
    user,
    { after: start.meta?.applied ?? 0, through: decision.applied },
    options,
  );
  return foldAgain(ports, { decision, user, start, entries }, options);
}

/** The user whose context an entry changed last; undefined if the log does not hold it any more. */
async function userNamed(
  { log }: ReplayPorts,
  { lastSequence, isOf }: Decision,
  first: number,
  { stream }: ReplayOptions,
): Promise<string | undefined> {
  if (lastSequence < first) return undefined;
  const reader = await log.read(stream, lastSequence);
  try {
    const [message] = await reader.next(1);
    const entries = message?.sequence === lastSequence ? decodeEntries(message.data) : [];
    // The last of them: an earlier one of the same message was folded over.
    const entry = entries.findLast((one) => one.kind === "behaviour" && isOf(one.user));
    return entry?.kind === "behaviour" ? entry.user : undefined;
  } finally {
    await reader.close();
  }
}

/** The user's entries and the control entries of a span of the log. */
async function entriesOf(
  { log, monotonicMs }: ReplayPorts,
  user: string | undefined,
  { after, through }: { readonly after: number; readonly through: number },
  { stream, messagesMax, patienceMs }: ReplayOptions,
): Promise<readonly PositionedEntry[]> {
  if (through - after > messagesMax) throw tooLong(`${through - after} messages would have to be read`);
  const entries: PositionedEntry[] = [];
  if (through <= after) return entries;
  const deadlineMs = monotonicMs() + patienceMs;
  const needle = user === undefined ? undefined : Buffer.from(user);
  const reader = await log.read(stream, after + 1);
  try {
    for (let read = after; read < through; ) {
      const messages = await reader.next(READ_MESSAGES);
      if (messages.length === 0) throw tooLong("the log's reader was closed");
      for (const message of messages) {
        read = message.sequence;
        if (read > through) break;
        if (mayMatter(message.data, needle)) collect(message, user, entries);
      }
      if (entries.length > ENTRIES_MAX)
        throw tooLong(`more than ${ENTRIES_MAX} entries would have to be folded`);
      if (monotonicMs() > deadlineMs && read < through)
        throw tooLong(`${through - read} of ${through - after} messages were left after ${patienceMs} ms`);
    }
  } finally {
    await reader.close();
  }
  return entries;
}

/** Whether a message may hold a control entry or one of the user: most are told by their bytes, unread. */
function mayMatter(data: Uint8Array, user: Buffer | undefined): boolean {
  const kind = data[1] ?? 0;
  const isMap = (kind & 0xf0) === 0x80 || kind === 0xde || kind === 0xdf;
  if (data[0] === ONE_ENTRY && isMap) return true;
  return user !== undefined && Buffer.from(data.buffer, data.byteOffset, data.length).includes(user);
}

function collect(message: LogMessage, user: string | undefined, into: PositionedEntry[]): void {
  const { sequence, storedAtMs: loggedAtMs } = message;
  let entries: readonly LogEntry[];
  try {
    entries = decodeEntries(message.data);
  } catch {
    return; // It was set aside when it was folded, and changed nothing.
  }
  for (const [place, entry] of entries.entries()) {
    const isWanted = entry.kind === "behaviour" ? entry.user === user : !PREPARATIONS.has(entry.kind);
    if (isWanted) into.push({ sequence, loggedAtMs, entry, ...(entries.length > 1 ? { place } : {}) });
  }
}

/** What goes on beside the versions in force, and changes no context. */
const PREPARATIONS: ReadonlySet<LogEntry["kind"]> = new Set([
  "encoder-prepared",
  "encoder-discarded",
  "segments-prepared",
  "warm-up-continued",
]);

type Material = Readonly<{
  decision: Decision;
  user: string | undefined;
  start: HeldUser;
  entries: readonly PositionedEntry[];
}>;

/** Folds, again and again: each time without the entry that has thrown, which was set aside then, too. */
async function foldAgain(ports: ReplayPorts, material: Material, options: ReplayOptions): Promise<Replayed> {
  const aside = new Set<PositionedEntry>();
  for (;;) {
    const replay = new Replay(ports, options, material);
    await replay.restore();
    const culprit = await replay.fold(material.entries.filter((entry) => !aside.has(entry)));
    if (culprit === undefined) {
      replay.state.applied = material.decision.applied;
      return { state: replay.state, user: material.user, behaviours: replay.behaviours };
    }
    aside.add(culprit);
    if (aside.size > ASIDE_MAX) throw tooLong(`more than ${ASIDE_MAX} of the user's entries can't be folded`);
  }
}

class Replay {
  readonly state: ShardState;
  readonly behaviours: Behaviour[] = [];
  readonly #ports: ReplayPorts;
  readonly #start: HeldUser;
  /** Publications since the last entry of another kind, by what they publish: of them only the last ones count. */
  readonly #published = new Map<string, Map<string, PositionedEntry>>();

  constructor(ports: ReplayPorts, options: ReplayOptions, { decision, start }: Material) {
    this.#ports = ports;
    this.#start = start;
    this.state = newShardState({
      shard: options.shard,
      key: decision.key,
      features: FEATURES,
      encoder: untrainedEncoder(FEATURES),
      source: start,
      residentUsers: 1,
      ringEvents: options.ringEvents,
    });
  }

  async restore(): Promise<void> {
    const { meta } = this.#start;
    if (meta === undefined) return;
    const { warmUps: _warmUps, nextSegments: _nextSegments, ...inForce } = meta;
    await orTooOld(restoreVersions(this.state, inForce, this.#ports.releases));
    const missing = missingProfiles(this.state, meta);
    if (missing !== undefined) throw isGone(missing);
  }

  /** @returns The entry that threw, if one did: the state is then of no use. */
  async fold(entries: readonly PositionedEntry[]): Promise<PositionedEntry | undefined> {
    for (const positioned of entries) {
      const { entry } = positioned;
      const publication = publicationOf(entry);
      if (publication !== undefined) {
        const waiting = this.#published.get(publication) ?? new Map<string, PositionedEntry>();
        this.#published.set(publication, waiting);
        // One that is told again, by a new owner, took effect the first time.
        const told = JSON.stringify(entry);
        if (!waiting.has(told)) waiting.set(told, positioned);
        continue;
      }
      await this.#publish();
      if (entry.kind !== "behaviour") await this.#fetch(entry);
      const duplicates = this.state.counters.duplicates;
      try {
        this.#apply(positioned);
      } catch (thrown) {
        if (thrown instanceof EngineError && thrown.retryable) throw thrown;
        return positioned;
      }
      if (entry.kind === "behaviour" && this.state.counters.duplicates === duplicates)
        this.behaviours.push(entry);
    }
    await this.#publish();
    return undefined;
  }

  /** Activates, of each map, the last publication that takes effect: those before it had none on this user. */
  async #publish(): Promise<void> {
    for (const waiting of this.#published.values()) {
      for (const positioned of [...waiting.values()].reverse()) {
        const { scorers, content } = this.state;
        const { ratesVersion } = content;
        await this.#fetch(positioned.entry as Control);
        this.#apply(positioned);
        if (this.state.scorers !== scorers || content.ratesVersion !== ratesVersion) break;
      }
    }
    this.#published.clear();
  }

  #apply(positioned: PositionedEntry): void {
    const { state } = this;
    state.applied = positioned.sequence - 1; // What was passed over is of others.
    foldBatch(state, [positioned], emptyOutcome());
  }

  async #fetch(entry: Control): Promise<void> {
    const { releases } = this.state;
    releases.release();
    await fetchFor(entry, releases, this.#ports.releases);
    const missing = missingOf(entry, releases);
    if (missing !== undefined) throw isGone(missing);
  }
}

/** What an entry publishes that the next of its kind takes the place of; undefined for any other entry. */
function publicationOf(entry: LogEntry): string | undefined {
  if (entry.kind === "profiles-activated") return `profiles of ${entry.map}`;
  return entry.kind === "rates-activated" ? "rates" : undefined;
}

/** What an entry names that is not there. */
function missingOf(entry: Control, held: ShardState["releases"]): string | undefined {
  if (entry.kind === "segments-activated" && held.segments(entry.version) === undefined)
    return `segments v${entry.version}`;
  if (entry.kind === "profiles-activated")
    return held.profiles(entry.map, entry.version) === undefined
      ? `profiles v${entry.version} of ${entry.map}`
      : undefined;
  if (entry.kind === "content-activated" && held.content(entry.version) === undefined)
    return `catalogue ${entry.version} of contents`;
  if (entry.kind === "rates-activated" && held.rates(entry.version) === undefined)
    return `release ${entry.version} of the rates`;
  if (entry.kind === "experiments-activated" && held.experiments(entry.version) === undefined)
    return `version ${entry.version} of the experiments`;
  if (entry.kind === "policy-activated" && held.privacy(entry.version) === undefined)
    return `policy ${entry.version} of consent`;
  if (entry.kind === "encoder-activated" && held.encoder(entry.encoder) === undefined)
    return `encoder ${entry.encoder}`;
  const profiles = "profiles" in entry ? (entry.profiles ?? {}) : {};
  for (const [map, version] of Object.entries(profiles))
    if (held.profiles(map, version) === undefined) return `profiles v${version} of ${map}`;
  return undefined;
}

async function orTooOld(restoring: Promise<void>): Promise<void> {
  try {
    await restoring;
  } catch (thrown) {
    if (thrown instanceof EngineError && thrown.code === "RELEASE_MISSING")
      throw decisionTooOld(thrown.message);
    throw thrown;
  }
}

function isGone(release: string): EngineError {
  return decisionTooOld(`${release} is not kept any more`);
}

/** A replay would take more than it may. */
export function tooLong(reason: string): EngineError {
  const message = `the decision takes too long to replay: ${reason}`;
  return new EngineError({ code: "REPLAY_TOO_LONG", message, retryable: false });
}
