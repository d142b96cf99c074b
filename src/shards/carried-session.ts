import type { Behaviour } from "../events/log-entry.ts";
import { ByteReader } from "../kernel/byte-reader.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import { EngineError } from "../kernel/engine-error.ts";
import { WithheldCounts } from "../privacy/consent/withheld-counts.ts";
import type { CarriedPart } from "../resonance/score-answer.ts";
import { Context, NO_ENTRIES } from "./context.ts";
import { contextSchema, encodeContext } from "./context-codec.ts";
import { rebuildIfStale } from "./embed-context.ts";
import { foldBatch } from "./fold-batch.ts";
import { heldUser, NOTHING_HELD } from "./held-user.ts";
import { emptyOutcome } from "./outcome.ts";
import { RecentEvents } from "./recent-events.ts";
import { ResidentContexts } from "./resident-contexts.ts";
import { CHUNK_EVENTS } from "./ring-tail.ts";
import { ShadowStates } from "./shadow-states.ts";
import type { ShardState } from "./shard-state.ts";

/** First byte of a session that its caller carries. */
const FORMAT = 1;
/** Newest events that come along, so that another encoder can be told about them; and the bytes of their chunks at most. */
const EVENTS_MAX = 256;
const CHUNKS_MAX = EVENTS_MAX / CHUNK_EVENTS;
const CHUNKS_BYTES_MAX = 12_288;
/** An encoder's state that takes more is made anew from the events each time: a transformer's has 130 KB. */
const CONTEXT_BYTES_MAX = 16_384;
/** Bytes of a carried session at most: its two parts, and who it is of. */
export const CARRIED_BYTES_MAX = CONTEXT_BYTES_MAX + CHUNKS_BYTES_MAX + 1_024;
const NO_ENCODER = "";

const writer = new ByteWriter();

/**
 * A visitor of whom nothing is stored: what they have shown is carried by whoever asks about them. They are folded as users are, by
 * the same code, in a shard of their own that shares what is in force with the real one; nothing of what follows from it is published.
 */
export class CarriedSession {
  readonly context: Context;
  /** How much of what was carried counts. */
  readonly part: CarriedPart;
  /** The shard with this one user in it. */
  readonly #own: ShardState;

  private constructor(own: ShardState, context: Context, part: CarriedPart) {
    this.#own = own;
    this.context = context;
    this.part = part;
  }

  /** Somebody who has shown nothing yet. */
  static begin(shard: ShardState, user: string, part: CarriedPart = "nothing"): CarriedSession {
    const own = shardOfOne(shard, NOTHING_HELD);
    const context = new Context(user, shard.encoder.slots, shard.stateKey);
    own.contexts.add(context);
    return new CarriedSession(own, context, part);
  }

  /**
   * Goes on from what {@link carried} gave. Under another encoder its state is made anew from the events that came along; what
   * was written with other features can't be read, and the session begins again.
   *
   * @param behaviours - The events to be folded next.
   * @throws EngineError `BAD_TOKEN` if one of them is of another visitor.
   */
  static resume(shard: ShardState, bytes: Uint8Array, behaviours: readonly Behaviour[]): CarriedSession {
    const first = behaviours[0]?.user ?? "";
    const held = read(shard, bytes);
    if (held === undefined) return CarriedSession.begin(shard, first, "outdated");
    const user = held.user === "" ? first : held.user;
    const stranger = behaviours.findIndex((behaviour) => behaviour.user !== user);
    if (stranger >= 0) throw ofAnother(stranger);
    const own = shardOfOne(shard, heldUser({ ...held, user }, undefined));
    const context = own.contexts.find(user);
    if (context === undefined) return CarriedSession.begin(shard, first, "outdated");
    const isStale = context.encoder !== shard.stateKey;
    rebuildIfStale(own, context);
    const isCut = isStale && own.recent.packed(context).length < context.events;
    return new CarriedSession(own, context, isCut ? "recent" : "all");
  }

  /** Folds behaviours. Labels, traits and feedback have no effect in a session. */
  fold(behaviours: readonly Behaviour[]): void {
    const from = this.#own.applied + 1;
    const entries = behaviours.map((behaviour, i) => ({
      sequence: from + i,
      loggedAtMs: behaviour.tsMs,
      entry: withoutIdentity(behaviour, this.context.user),
    }));
    foldBatch(this.#own, entries, emptyOutcome());
    this.context.lastSequence = 0; // No entry of the log.
  }

  /** The session as bytes, at most {@link CARRIED_BYTES_MAX}. Of a session that goes on from them the answers are the same. */
  carried(): Uint8Array {
    const { context } = this;
    const chunks = this.#newestChunks(); // Before the context is emptied: it names their places.
    let packed = encodeContext(context, writer);
    if (packed.length > CONTEXT_BYTES_MAX) {
      context.replaceEncoder(new Float64Array(0), NO_ENCODER);
      packed = encodeContext(context, writer);
    }
    if (packed.length > CONTEXT_BYTES_MAX) {
      context.resonating = NO_ENTRIES; // Thousands of names: they are told anew, without hysteresis.
      packed = encodeContext(context, writer);
    }
    writer.reset();
    writer.u8(FORMAT);
    writer.text(contextSchema(this.#own.features));
    writer.text(context.user);
    writer.u32(packed.length);
    writer.raw(packed);
    writer.u8(chunks.length);
    for (const [slot, bytes] of chunks) {
      writer.u8(slot);
      writer.u16(bytes.length);
      writer.raw(bytes);
    }
    return writer.finish();
  }

  release(): void {
    this.context.release();
  }

  /** The newest chunks of the ring that there is room for. */
  #newestChunks(): readonly (readonly [slot: number, bytes: Uint8Array])[] {
    const full = Math.floor(this.context.events / CHUNK_EVENTS);
    const slots = this.#own.recent.slots(this.context.user);
    const chunks: (readonly [number, Uint8Array])[] = [];
    let bytes = 0;
    for (let chunk = full - 1; chunk >= Math.max(0, full - CHUNKS_MAX); chunk--) {
      const slot = chunk % CHUNKS_MAX;
      const held = slots.get(slot);
      bytes += held?.length ?? 0;
      if (held === undefined || bytes > CHUNKS_BYTES_MAX) break;
      chunks.push([slot, held]);
    }
    return chunks;
  }
}

type Held = Readonly<{ user: string; context: Uint8Array; ring: ReadonlyMap<number, Uint8Array> }>;

/** A shard with one user, or none, in which what is in force is as in the other. */
function shardOfOne(shard: ShardState, source: ShardState["source"]): ShardState {
  return {
    ...shard,
    source,
    contexts: new ResidentContexts(source, 1),
    recent: new RecentEvents(source, EVENTS_MAX),
    shadows: new ShadowStates(EVENTS_MAX),
    warmUps: [],
    newlyAuthenticated: new Map(),
    counters: { ...shard.counters },
    withheld: new WithheldCounts(),
    applied: 0,
    batch: 1,
  };
}

/** What says who somebody is would be stored of a user, without an end to its size. */
function withoutIdentity(behaviour: Behaviour, user: string): Behaviour {
  const { traits, segments, feedback, exposure, ...rest } = behaviour;
  return { ...rest, user };
}

/** Undefined for what another build wrote, with other features or in another format. */
function read(shard: ShardState, bytes: Uint8Array): Held | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== FORMAT || reader.text() !== contextSchema(shard.features)) return undefined;
  const user = reader.text();
  const context = reader.raw(reader.u32());
  const ring = new Map<number, Uint8Array>();
  for (let left = reader.u8(); left > 0; left--) ring.set(reader.u8(), reader.raw(reader.u16()));
  return { user, context, ring };
}

function ofAnother(index: number): EngineError {
  const message = `events[${index}] is of another user than the token`;
  return new EngineError({ code: "BAD_TOKEN", message, retryable: false });
}
