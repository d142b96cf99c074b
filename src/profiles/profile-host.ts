import type { BlobStore } from "../actors/blob-store.ts";
import type { Bus, BusReply } from "../actors/bus.ts";
import type { Log, LogMessage, LogReader } from "../actors/log.ts";
import { encodeEntry } from "../events/log-codec.ts";
import type { Control } from "../events/log-entry.ts";
import type { Subjects } from "../events/subjects.ts";
import type { Clock } from "../kernel/clock.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { decode, encode } from "../kernel/msgpack.ts";
import type { Calibration } from "../resonance/published-profiles.ts";
import type { SegmentDefinitions } from "../resonance/segment-map.ts";
import { BACKGROUND } from "./member-record.ts";
import type { ProfileStatus } from "./profile-messages.ts";
import { ProfileState } from "./profile-state.ts";
import type { PendingPublication, ProfileStore } from "./profile-store.ts";
import { encodeProfiles, readCalibration, type StoredCalibration } from "./profiles-codec.ts";
import { dimOf, profilesOf } from "./publish.ts";
import { readSampleBatch } from "./read-sample-batch.ts";
import { membersOf } from "./window-sum.ts";

/** What the profile host needs of the world. */
export type ProfilePorts = Readonly<{
  log: Log;
  bus: Bus;
  /** Where publications go, and where definitions and calibrations are. */
  releases: BlobStore;
  store: ProfileStore;
  clock: Clock;
  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void>;
  subjects: Subjects;
}>;

export type ProfileHostOptions = Readonly<{
  /** Number of shards, each of which is told of a publication. */
  shards: number;
  /** Shortest time between two publications, ms. */
  publishEveryMs: number;
}>;

/** A profile actor that runs. */
export type ProfileHost = Readonly<{
  /** Rejects when the host can't go on; resolves after `stop`. */
  done: Promise<void>;
  /** Commits what is applied and closes the store; a publication that can't be carried out waits for the next start. */
  stop(): Promise<void>;
}>;

const BATCH_MESSAGES = 200;
/** Stored members looked through for what expired, with each batch: a millisecond of work. */
const SWEEP_MEMBERS = 100;
const MSGPACK = "application/msgpack";

/**
 * Starts the profile actor: it folds samples into exact sums, publishes the profiles when they have changed, and
 * rolls out a new encoder once every shard has sampled its members under it.
 */
export async function startProfileHost(
  ports: ProfilePorts,
  options: ProfileHostOptions,
): Promise<ProfileHost> {
  const host = new Host(ports, options);
  try {
    await host.open();
  } catch (thrown) {
    await host.stop();
    throw thrown;
  }
  return { done: host.run(), stop: () => host.stop() };
}

class Host {
  readonly #ports: ProfilePorts;
  readonly #options: ProfileHostOptions;
  readonly #state: ProfileState;
  #reader: LogReader | undefined;
  #calibrations: readonly Calibration[] = [];
  #calibratedFor = "";
  #isDirty = false;
  #publishedMs = Number.NEGATIVE_INFINITY;
  #isOpen = false;
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  /** Everything that changes the state happens one after another; after a failure, nothing does any more. */
  #turn: Promise<unknown> = Promise.resolve();
  readonly #failed = Promise.withResolvers<never>();
  #served: { close(): Promise<void> }[] = [];

  constructor(ports: ProfilePorts, options: ProfileHostOptions) {
    this.#failed.promise.catch(() => {}); // `run` tells of it; before that, the request that failed does.
    this.#ports = ports;
    this.#options = options;
    this.#state = new ProfileState(ports.store);
  }

  async open(): Promise<void> {
    const { bus, log, store, subjects } = this.#ports;
    const pending = store.pending();
    if (pending !== undefined) await this.#finish(pending);
    await this.#refresh();
    this.#isDirty = true; // What changed before the last end may not have been published.
    await this.#switchOverIfPrepared();
    this.#reader = await log.read(subjects.samples, this.#state.applied + 1);
    const serve = async (name: string, handler: (data: Uint8Array) => Promise<unknown>): Promise<void> => {
      const served = await bus.serve(subjects.profileActor(name), async (request): Promise<BusReply> => {
        return { data: encode(await handler(request.data)), contentType: MSGPACK };
      });
      this.#served.push(served);
    };
    await serve("status", async () => this.#status());
    await serve("refresh", () => this.#inTurn(() => this.#refresh()));
    await serve("publish", () => this.#inTurn(() => this.#publish()));
    await serve("prepare", async (data) => {
      const encoder = encoderIn(data);
      return this.#inTurn(() => this.#prepare(encoder));
    });
    this.#isOpen = true;
  }

  run(): Promise<void> {
    this.#running = Promise.race([this.#drain(), this.#publishNowAndThen(), this.#failed.promise]);
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#reader?.close();
    await this.#running.catch(() => {}); // Whoever awaits `done` is told.
    await Promise.all(this.#served.map((one) => one.close()));
    await this.#turn.catch(() => {});
    await this.#ports.store.close();
  }

  async #drain(): Promise<void> {
    while (!this.#stopping && this.#reader !== undefined) {
      const messages = await this.#reader.next(BATCH_MESSAGES);
      if (messages.length === 0) return;
      await this.#inTurn(() => this.#apply(messages));
    }
  }

  async #publishNowAndThen(): Promise<void> {
    while (!this.#stopping) {
      await this.#ports.sleep(Math.min(this.#options.publishEveryMs, TICK_MS));
      const due = this.#ports.clock.monotonicMs() - this.#publishedMs >= this.#options.publishEveryMs;
      if (due && this.#isDirty && !this.#stopping) await this.#inTurn(() => this.#publish());
    }
    await this.#running.catch(() => {}); // The drain ends the run.
  }

  async #apply(messages: readonly LogMessage[]): Promise<void> {
    for (const { sequence, data } of messages) {
      const batch = readSampleBatch(data);
      if (batch === undefined) this.#state.skip(sequence);
      else this.#state.apply(sequence, batch);
    }
    this.#state.sweep(SWEEP_MEMBERS);
    const commit = this.#state.takeCommit();
    if (commit.sums.length > 0) this.#isDirty = true;
    await this.#ports.store.commit(commit);
    this.#state.passivate();
    await this.#switchOverIfPrepared();
  }

  /** Publishes every map under the encoder in force, if anything changed. @returns The versions in force. */
  async #publish(): Promise<{ versions: Record<string, number> }> {
    if (this.#isDirty) await this.#publishMaps();
    return { versions: Object.fromEntries(this.#state.versions) };
  }

  async #publishMaps(): Promise<void> {
    const { encoder } = this.#state;
    const ledger = this.#state.ledger(encoder);
    this.#publishedMs = this.#ports.clock.monotonicMs();
    this.#isDirty = false; // Nothing else has a turn before the end of this one.
    if (ledger === undefined || dimOf(ledger) === 0) return;
    await this.#calibrateFor(encoder);
    for (const map of this.#state.maps) {
      const version = this.#nextVersion(map.name);
      const published = profilesOf(ledger, map, {
        version,
        dim: dimOf(ledger),
        calibrations: this.#calibrations,
      });
      await this.#release({
        blobs: profileBlobs(map.name, version, encodeProfiles(published)),
        entry: encodeEntry({ kind: "profiles-activated", map: map.name, version, encoder }),
        id: `profiles:${map.name}:${version}`,
      });
    }
  }

  async #switchOverIfPrepared(): Promise<void> {
    const { candidate, preparedShards } = this.#state;
    if (candidate !== "" && preparedShards.size === this.#options.shards) await this.#switchOver();
  }

  /** Publishes every map under the candidate and puts it in force, in one entry a log. */
  async #switchOver(): Promise<void> {
    const { candidate } = this.#state;
    const ledger = this.#state.ledger(candidate);
    if (ledger === undefined) return;
    await this.#calibrateFor(candidate);
    const profiles: Record<string, number> = {};
    const blobs: (readonly [string, Uint8Array])[] = [];
    for (const map of this.#state.maps) {
      if (dimOf(ledger) === 0) break; // Nobody was sampled: shards start from the prior.
      const version = this.#nextVersion(map.name);
      profiles[map.name] = version;
      const published = profilesOf(ledger, map, {
        version,
        dim: dimOf(ledger),
        calibrations: this.#calibrations,
      });
      blobs.push(...profileBlobs(map.name, version, encodeProfiles(published)));
    }
    const entry: Control = { kind: "encoder-activated", encoder: candidate, profiles };
    this.#state.promote();
    this.#publishedMs = this.#ports.clock.monotonicMs();
    this.#isDirty = false;
    // An encoder can come back later: the place in the stream tells the two activations apart.
    const id = `encoder:${candidate}:${this.#state.applied}`;
    await this.#release({ blobs, entry: encodeEntry(entry), id });
  }

  #nextVersion(map: string): number {
    const version = (this.#state.versions.get(map) ?? 0) + 1;
    this.#state.versions.set(map, version);
    return version;
  }

  /** Writes the publication down, then carries it out: a crash between repeats the rest with the same bytes. */
  async #release(pending: PendingPublication): Promise<void> {
    await this.#ports.store.commit({ ...this.#state.takeCommit(), pending });
    await this.#finish(pending);
  }

  async #finish(pending: PendingPublication): Promise<void> {
    await this.#patiently(() => this.#carryOut(pending));
  }

  /** Tries until it succeeds or the host is stopped: a server that is away for a while comes back. */
  async #patiently<T>(act: () => Promise<T>): Promise<T> {
    while (true) {
      try {
        return await act();
      } catch (thrown) {
        const mayPass = thrown instanceof EngineError && thrown.retryable;
        if (!mayPass || !this.#isOpen || this.#stopping) throw thrown; // A start is tried again by the supervisor.
        await this.#ports.sleep(RETRY_MS);
      }
    }
  }

  async #carryOut(pending: PendingPublication): Promise<void> {
    const { log, releases, store, subjects } = this.#ports;
    for (const [key, bytes] of pending.blobs) await releases.put(key, bytes);
    const shards = Array.from({ length: this.#options.shards }, (_, shard) => shard);
    await Promise.all(
      shards.map((shard) =>
        log.append(subjects.shardLog(shard), [{ id: `${pending.id}:${shard}`, data: pending.entry }]),
      ),
    );
    await store.commit({ ...this.#state.takeCommit(), pending: null });
  }

  async #prepare(encoder: string): Promise<{ encoder: string; candidate: string }> {
    this.#state.prepare(encoder);
    await this.#ports.store.commit(this.#state.takeCommit());
    return { encoder: this.#state.encoder, candidate: this.#state.candidate };
  }

  /** Reads the definitions in force. @returns Their version; 0 before any. */
  async #refresh(): Promise<{ version: number }> {
    const state = this.#state;
    const current = await this.#json<{ version: number }>("segments.current");
    const definitions =
      current === undefined ? undefined : await this.#json<SegmentDefinitions>(`segments.${current.version}`);
    if (definitions !== undefined) {
      if (definitions.version !== state.definitions) this.#isDirty = true;
      state.useMaps(definitions.maps, definitions.version);
      await this.#ports.store.commit(state.takeCommit());
    }
    return { version: state.definitions };
  }

  async #calibrateFor(encoder: string): Promise<void> {
    if (this.#calibratedFor === encoder) return;
    const stored = await this.#json<StoredCalibration[]>(`calibration.${encoder}`);
    this.#calibrations = (stored ?? []).map(readCalibration);
    this.#calibratedFor = encoder;
  }

  async #json<T>(key: string): Promise<T | undefined> {
    const bytes = await this.#patiently(() => this.#ports.releases.get(key));
    return bytes === undefined ? undefined : (JSON.parse(new TextDecoder().decode(bytes)) as T);
  }

  #status(): ProfileStatus {
    const state = this.#state;
    const ledger = state.ledger(state.encoder);
    const members: Record<string, Record<string, number>> = {};
    for (const map of state.maps) members[map.name] = {};
    for (const [key, sums] of ledger?.sums ?? []) {
      const [map = "", segment = BACKGROUND] = key.split(" ");
      const counts = members[map];
      if (counts !== undefined && segment !== BACKGROUND) counts[segment] = membersOf(sums);
    }
    return {
      applied: state.applied,
      lag: this.#reader?.lag() ?? 0,
      members,
      encoder: state.encoder,
      candidate: state.candidate,
      versions: Object.fromEntries(state.versions),
      watermarkMs: ledger?.watermarkMs ?? 0,
      repeats: state.repeats,
      dropped: state.dropped,
    };
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine;
    // State and store may differ now, so the host ends; the next one starts from the store.
    mine.catch(this.#failed.reject);
    return mine;
  }
}

/** How often the host looks whether a publication is due. */
const TICK_MS = 100;
/** Pause before a publication that failed is carried out again. */
const RETRY_MS = 200;

/** @throws EngineError `MISSING_FIELD` if the request names no encoder. */
function encoderIn(data: Uint8Array): string {
  const { encoder } = decode(data) as { encoder?: unknown };
  if (typeof encoder === "string" && encoder !== "") return encoder;
  const message = "a request to prepare an encoder must name it: {encoder}";
  throw new EngineError({ code: "MISSING_FIELD", message, retryable: false, detail: { field: "encoder" } });
}

function profileBlobs(map: string, version: number, bytes: Uint8Array): (readonly [string, Uint8Array])[] {
  const current = new TextEncoder().encode(JSON.stringify({ version }));
  return [
    [`profiles.${map}.${version}`, bytes],
    [`profiles.${map}.current`, current],
  ];
}
