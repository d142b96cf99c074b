import type { Behaviour } from "../events/log-entry.ts";
import type { FeatureEvent } from "../features/feature-event.ts";
import { packFeatureEvent, unpackFeatureEvent } from "../features/pack-feature-event.ts";
import { ByteReader } from "../kernel/byte-reader.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import { EngineError } from "../kernel/engine-error.ts";
import type { CarriedPart } from "../resonance/score-answer.ts";
import { Context } from "./context.ts";
import { contextSchema, decodeContext, encodeContext } from "./context-codec.ts";
import { foldTransient } from "./fold-batch.ts";
import type { ShardState } from "./shard-state.ts";

/** First byte of a session that its caller carries. */
const FORMAT = 1;
/** Newest events that come along, so that another encoder can be told about them; and their bytes at most. */
const EVENTS_MAX = 256;
const EVENTS_BYTES_MAX = 12_288;
/** An encoder's state that takes more is made anew from the events each time: a transformer's has 130 KB. */
const CONTEXT_BYTES_MAX = 16_384;
/** Bytes of a carried session at most: its two parts, and who it is of. */
export const CARRIED_BYTES_MAX = CONTEXT_BYTES_MAX + EVENTS_BYTES_MAX + 1_024;
const NO_ENCODER = "";

const writer = new ByteWriter();

/** A visitor of whom nothing is stored: what they have shown is carried by whoever asks about them. */
export class CarriedSession {
  readonly context: Context;
  /** How much of what was carried counts. */
  readonly part: CarriedPart;
  /** Packed, the oldest first. */
  readonly #events: Uint8Array[];

  private constructor(context: Context, part: CarriedPart, events: Uint8Array[]) {
    this.context = context;
    this.part = part;
    this.#events = events;
  }

  /** Somebody who has shown nothing yet. */
  static begin(shard: ShardState, user: string, part: CarriedPart = "nothing"): CarriedSession {
    return new CarriedSession(new Context(user, shard.encoder.slots, shard.stateKey), part, []);
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
    const context = decodeContext(user, held.context);
    if (context.encoder === shard.stateKey) return new CarriedSession(context, "all", held.events);
    const state = new Float64Array(shard.encoder.slots);
    for (const event of held.events) shard.encoder.fold(state, 0, unpackFeatureEvent(event));
    context.replaceEncoder(state, shard.stateKey);
    return new CarriedSession(context, held.events.length < context.events ? "recent" : "all", held.events);
  }

  fold(shard: ShardState, behaviour: Behaviour): void {
    foldTransient(shard, this.context, behaviour, (event) => this.#keep(event));
  }

  /** The session as bytes, at most {@link CARRIED_BYTES_MAX}. The context must be written before it is released. */
  carried(shard: ShardState): Uint8Array {
    const { context } = this;
    let packed = encodeContext(context, writer);
    if (packed.length > CONTEXT_BYTES_MAX) {
      context.replaceEncoder(new Float64Array(0), NO_ENCODER);
      packed = encodeContext(context, writer);
    }
    writer.reset();
    writer.u8(FORMAT);
    writer.text(contextSchema(shard.features));
    writer.text(context.user);
    writer.u32(packed.length);
    writer.raw(packed);
    const events = this.#newest();
    writer.u16(events.length);
    for (const event of events) {
      writer.u16(event.length);
      writer.raw(event);
    }
    return writer.finish();
  }

  #keep(event: FeatureEvent): void {
    this.#events.push(packFeatureEvent(event));
  }

  #newest(): readonly Uint8Array[] {
    let from = this.#events.length;
    let bytes = 0;
    while (from > 0 && this.#events.length - from < EVENTS_MAX) {
      bytes += 2 + (this.#events[from - 1]?.length ?? 0);
      if (bytes > EVENTS_BYTES_MAX) break;
      from--;
    }
    return this.#events.slice(from);
  }
}

type Held = Readonly<{ user: string; context: Uint8Array; events: Uint8Array[] }>;

/** Undefined for what another build wrote, with other features or in another format. */
function read(shard: ShardState, bytes: Uint8Array): Held | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== FORMAT || reader.text() !== contextSchema(shard.features)) return undefined;
  const user = reader.text();
  const context = reader.raw(reader.u32());
  const events = Array.from({ length: reader.u16() }, () => reader.raw(reader.u16()));
  return { user, context, events };
}

function ofAnother(index: number): EngineError {
  const message = `events[${index}] is of another user than the token`;
  return new EngineError({ code: "BAD_TOKEN", message, retryable: false });
}
