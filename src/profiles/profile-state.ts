import type { ShardKeys } from "../events/profile-control.ts";
import { ByteWriter } from "../kernel/byte-writer.ts";
import type { SegmentMap } from "../resonance/segment-map.ts";
import { decodeMemberRecord, encodeMemberRecord, type MemberRecord } from "./member-record.ts";
import type { PendingPublication, ProfileCommit, ProfileMeta, ProfileStore } from "./profile-store.ts";
import type { Sample, SampleBatch } from "./sample.ts";
import { WindowLedger } from "./window-ledger.ts";
import { decodeSums, encodeSums } from "./window-sum.ts";

/** Members read at once when sums are made anew: a page of a few megabytes. */
const PAGE_MEMBERS = 1_000;

/** What the profile actor folds samples into. It belongs to one host. */
export class ProfileState {
  readonly #store: ProfileStore;
  readonly #writer = new ByteWriter();
  readonly #ledgers = new Map<string, WindowLedger>();
  /** Shard to the (sequence, index) of its last sample. */
  readonly #marks = new Map<string, readonly [number, number]>();
  #maps: readonly SegmentMap[] = [];
  /** Encoders whose ledgers the next commit drops. */
  readonly #dropped = new Set<string>();
  definitions = 0;
  applied = 0;
  encoder = "";
  /** Name of the calibrations in force; empty for those that came with the encoder. */
  calibration = "";
  candidate = "";
  #candidateShards: ShardKeys | undefined;
  readonly preparedShards = new Set<number>();
  readonly versions = new Map<string, number>();
  repeats = 0;
  dropped = 0;
  /** Whether a publication would differ from the last one. */
  isDirty = false;
  /** Publications that are not known to be carried out, oldest first. */
  pending: readonly PendingPublication[];
  #pendingChanged = false;

  /** Opens what the store holds. */
  constructor(store: ProfileStore) {
    this.#store = store;
    const meta = store.meta();
    this.pending = store.pending();
    if (meta === undefined) return;
    this.isDirty = meta.isDirty;
    this.applied = meta.applied;
    this.encoder = meta.encoder;
    this.calibration = meta.calibration ?? "";
    this.candidate = meta.candidate;
    this.definitions = meta.definitions;
    this.repeats = meta.repeats;
    this.dropped = meta.dropped;
    for (const [shard, mark] of Object.entries(meta.marks)) this.#marks.set(shard, mark);
    this.#candidateShards = meta.candidateShards;
    for (const shard of meta.preparedShards) this.preparedShards.add(shard);
    for (const [map, version] of Object.entries(meta.versions)) this.versions.set(map, version);
    for (const encoder of [meta.encoder, meta.candidate]) {
      if (encoder !== "") this.#openLedger(encoder, meta.watermarksMs[encoder] ?? 0);
    }
  }

  get maps(): readonly SegmentMap[] {
    return this.#maps;
  }

  /**
   * Puts definitions in force. Sums that were made for others are made anew from what the members contributed, so
   * everything must be committed before.
   */
  useMaps(maps: readonly SegmentMap[], version: number): void {
    const isNew = version !== this.definitions;
    if (isNew) this.isDirty = true;
    this.#maps = maps;
    this.definitions = version;
    for (const [encoder, ledger] of this.#ledgers) {
      if (isNew) ledger.rebuild(maps, this.#storedMembers(encoder));
      else ledger.useMaps(maps);
    }
  }

  ledger(encoder: string): WindowLedger | undefined {
    return this.#ledgers.get(encoder);
  }

  /**
   * Starts to take samples of a candidate. What was held of another candidate goes.
   *
   * @param shards - Those that it waits for.
   */
  prepare(encoder: string, shards?: ShardKeys): void {
    if (encoder === this.encoder) return;
    if (shards !== undefined || encoder !== this.candidate) this.#candidateShards = shards;
    if (encoder === this.candidate) return;
    if (this.candidate !== "") this.#drop(this.candidate);
    this.candidate = encoder;
    this.preparedShards.clear();
    this.#openLedger(encoder, this.#ledgers.get(this.encoder)?.watermarkMs ?? 0);
  }

  /**
   * Whether all shards have sampled their members under the candidate.
   *
   * @param known - The shards that the node knows, in case the preparation did not say for which ones it is.
   */
  isPrepared(known: ShardKeys): boolean {
    if (this.candidate === "") return false;
    const { from, count } = this.#candidateShards ?? known;
    let prepared = 0;
    for (const key of this.preparedShards) if (key >= from && key < from + count) prepared++;
    return prepared === count;
  }

  /** Puts calibrations of the encoder in force; those of another one are late. */
  calibrate(encoder: string, calibration: string): void {
    if (encoder !== this.encoder || calibration === this.calibration) return;
    this.calibration = calibration;
    this.isDirty = true;
  }

  /** The candidate takes the place of the encoder in force, whose ledger goes. */
  promote(): void {
    if (this.encoder !== "") this.#drop(this.encoder);
    this.encoder = this.candidate;
    this.calibration = "";
    this.candidate = "";
    this.#candidateShards = undefined;
    this.preparedShards.clear();
  }

  /** Takes in a message of samples. What a shard sent before is recognised and passed over. */
  apply(sequence: number, batch: SampleBatch): void {
    if (sequence <= this.applied) return; // Delivered again: the ledgers contain it.
    this.applied = sequence;
    const shard = String(batch.shard);
    for (const sample of batch.samples) {
      const mark = this.#marks.get(shard);
      if (mark !== undefined && !isNewer(sample.sequence, sample.index, mark)) {
        this.repeats++;
        continue;
      }
      this.#marks.set(shard, [sample.sequence, sample.index]);
      this.isDirty = true;
      if (!this.#applySample(sample)) this.dropped++;
    }
    for (const encoder of batch.prepared ?? []) {
      if (encoder === this.candidate) this.preparedShards.add(batch.shard);
    }
  }

  /** Passes over a message that can't be read; it counts as dropped. */
  skip(sequence: number): void {
    this.pass(sequence);
    this.dropped++;
  }

  /** Takes in a control message, whose effect the caller has seen to. */
  pass(sequence: number): void {
    this.applied = Math.max(this.applied, sequence);
  }

  /** Puts a publication at the end of those to be carried out. */
  release(pending: PendingPublication): void {
    this.pending = [...this.pending, pending];
    this.#pendingChanged = true;
  }

  /** Forgets a publication that is carried out. */
  released(id: string): void {
    this.pending = this.pending.filter((pending) => pending.id !== id);
    this.#pendingChanged = true;
  }

  /** What changed since the last call, as one transaction. */
  takeCommit(): ProfileCommit {
    const members: [string, string, Uint8Array | undefined][] = [];
    const sums: [string, string, Uint8Array | undefined][] = [];
    for (const [encoder, ledger] of this.#ledgers) {
      const changes = ledger.takeChanges();
      for (const user of changes.members) {
        const record = ledger.member(user);
        const bytes = record === undefined ? undefined : encodeMemberRecord(record, this.#writer);
        members.push([encoder, user, bytes]);
      }
      for (const key of changes.sums) {
        const held = ledger.sums.get(key);
        sums.push([encoder, key, held === undefined ? undefined : encodeSums(held, this.#writer)]);
      }
    }
    const dropEncoders = [...this.#dropped];
    this.#dropped.clear();
    const pending = this.#pendingChanged ? { pending: this.pending } : {};
    this.#pendingChanged = false;
    return { members, sums, meta: this.#meta(), dropEncoders, ...pending };
  }

  /** Drops what expired of some more stored members, at most so many an encoder. All must be committed but this batch. */
  sweep(membersMax: number): void {
    for (const [encoder, ledger] of this.#ledgers) {
      if (this.#isGone(encoder)) continue;
      ledger.sweep((user) =>
        this.#store
          .membersAfter(encoder, user, membersMax)
          .map(([member, bytes]) => [member, decodeMemberRecord(bytes)] as const),
      );
    }
  }

  /** Frees members that the store holds by now. */
  passivate(): void {
    for (const ledger of this.#ledgers.values()) ledger.passivate();
  }

  #meta(): ProfileMeta {
    return {
      applied: this.applied,
      marks: Object.fromEntries(this.#marks),
      encoder: this.encoder,
      ...(this.calibration === "" ? {} : { calibration: this.calibration }),
      candidate: this.candidate,
      ...(this.#candidateShards === undefined ? {} : { candidateShards: this.#candidateShards }),
      preparedShards: [...this.preparedShards].sort((a, b) => a - b),
      versions: Object.fromEntries(this.versions),
      // A start opens the encoder in force first, whichever came first: the order is not to tell of it.
      watermarksMs: Object.fromEntries(
        [...this.#ledgers.keys()]
          .sort()
          .map((encoder) => [encoder, this.#ledgers.get(encoder)?.watermarkMs ?? 0]),
      ),
      definitions: this.definitions,
      isDirty: this.isDirty,
      repeats: this.repeats,
      dropped: this.dropped,
    };
  }

  /** @returns False if the sample's vector counts nowhere. */
  #applySample(sample: Sample): boolean {
    if (this.encoder === "" && sample.encoder !== this.candidate) {
      this.encoder = sample.encoder; // The first sample ever tells which encoder serves.
      this.#openLedger(sample.encoder, 0);
    }
    const counts = this.#ledgers.get(sample.encoder)?.apply(sample) ?? false;
    for (const [encoder, ledger] of this.#ledgers) {
      if (encoder === sample.encoder) continue;
      // Who someone is does not depend on the encoder, and the windows of all end at the same time.
      ledger.relabel(sample.user, sample.labels);
      if (counts) ledger.advance(sample.tsMs);
    }
    return counts;
  }

  #drop(encoder: string): void {
    this.#ledgers.delete(encoder);
    this.#dropped.add(encoder);
  }

  *#storedMembers(encoder: string): Generator<readonly [user: string, record: MemberRecord]> {
    let after: string | undefined;
    do {
      const page = this.#store.membersAfter(encoder, after, PAGE_MEMBERS);
      for (const [user, bytes] of page) yield [user, decodeMemberRecord(bytes)];
      after = page.at(-1)?.[0];
    } while (after !== undefined);
  }

  #openLedger(encoder: string, watermarkMs: number): void {
    const load = (user: string): MemberRecord | undefined => {
      const bytes = this.#isGone(encoder) ? undefined : this.#store.member(encoder, user);
      return bytes === undefined ? undefined : decodeMemberRecord(bytes);
    };
    const ledger = new WindowLedger(encoder, load, { maps: this.#maps, watermarkMs });
    const sums = this.#isGone(encoder) ? [] : this.#store.sums(encoder);
    for (const [key, bytes] of sums) ledger.restoreSums(key, decodeSums(bytes));
    this.#ledgers.set(encoder, ledger);
  }

  /** Whether what the store still has of an encoder goes with the next commit: where that is differs from copy to copy. */
  #isGone(encoder: string): boolean {
    return this.#dropped.has(encoder);
  }
}

function isNewer(
  sequence: number,
  index: number,
  [heldSequence, heldIndex]: readonly [number, number],
): boolean {
  return sequence > heldSequence || (sequence === heldSequence && index > heldIndex);
}
