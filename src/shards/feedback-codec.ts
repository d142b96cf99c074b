import type { Evidence } from "../content/ledger.ts";
import type { Responsibilities } from "../content/responsibilities.ts";
import type { ByteReader } from "../kernel/byte-reader.ts";
import type { ByteWriter } from "../kernel/byte-writer.ts";
import { type Impression, UserFeedback } from "./user-feedback.ts";

/** Bits of an impression's byte of facts. */
const CLICKED = 1;
const PURCHASED = 2;
const SAYS_SOMETHING = 4;
const ADDED = 8;
const COUNTED = 16;

/** Writes what feedback told of a user: one byte for nothing. */
export function writeFeedback(feedback: UserFeedback | undefined, writer: ByteWriter): void {
  writer.u8(feedback === undefined ? 0 : 1);
  if (feedback === undefined) return;
  writer.u8(feedback.impressions.length);
  for (const impression of feedback.impressions) writeImpression(impression, writer);
  writer.u16(feedback.ledgers.size);
  for (const map of [...feedback.ledgers.keys()].sort()) {
    const { atMs, evidence } = feedback.ledgers.get(map)!;
    writer.text(map);
    writer.f64(atMs);
    writeEvidence(evidence, writer);
  }
  writer.u8(feedback.capCounts.size);
  for (const [content, { openedMs, impressions }] of feedback.capCounts) {
    writer.text(content); // In their order, since the first is the first to be forgotten.
    writer.f64(openedMs);
    writer.u16(impressions);
  }
  writer.u32(feedback.day);
  writer.u8(feedback.counted.size);
  for (const counter of [...feedback.counted.keys()].sort((a, b) => a - b)) {
    writer.u32(counter);
    writer.u8(feedback.counted.get(counter) ?? 0);
  }
}

/** What {@link writeFeedback} wrote. */
export function readFeedback(reader: ByteReader): UserFeedback | undefined {
  if (reader.u8() === 0) return undefined;
  const feedback = new UserFeedback();
  for (let left = reader.u8(); left > 0; left--) feedback.impressions.push(readImpression(reader));
  for (let left = reader.u16(); left > 0; left--)
    feedback.ledgers.set(reader.text(), { atMs: reader.f64(), evidence: readEvidence(reader) });
  for (let left = reader.u8(); left > 0; left--)
    feedback.capCounts.set(reader.text(), { openedMs: reader.f64(), impressions: reader.u16() });
  feedback.day = reader.u32();
  for (let left = reader.u8(); left > 0; left--) feedback.counted.set(reader.u32(), reader.u8());
  return feedback;
}

function writeImpression(impression: Impression, writer: ByteWriter): void {
  const { unclicked, addedAtMs, isClicked, isPurchased } = impression;
  writer.u8(
    (isClicked ? CLICKED : 0) |
      (isPurchased ? PURCHASED : 0) |
      (unclicked === undefined ? 0 : SAYS_SOMETHING) |
      (addedAtMs === undefined ? 0 : ADDED) |
      (impression.isCounted ? COUNTED : 0),
  );
  writer.u32(impression.low);
  writer.u32(impression.high);
  writer.text(impression.placement);
  writer.text(impression.map);
  writer.text(impression.content);
  writer.f64(impression.shownAtMs);
  writer.f64(impression.timeoutMs);
  writeNumbers(impression.who.segments, impression.who.shares, writer);
  if (unclicked !== undefined) writeEvidence(unclicked, writer);
  if (addedAtMs !== undefined) writer.f64(addedAtMs);
}

function readImpression(reader: ByteReader): Impression {
  const facts = reader.u8();
  const [low, high] = [reader.u32(), reader.u32()];
  const [placement, map, content] = [reader.text(), reader.text(), reader.text()];
  const [shownAtMs, timeoutMs] = [reader.f64(), reader.f64()];
  const { names, values } = readNumbers(reader);
  const who: Responsibilities = { segments: names, shares: values };
  return {
    ...{ low, high, placement, map, content, shownAtMs, timeoutMs, who },
    isCounted: (facts & COUNTED) !== 0,
    isClicked: (facts & CLICKED) !== 0,
    isPurchased: (facts & PURCHASED) !== 0,
    unclicked: (facts & SAYS_SOMETHING) !== 0 ? readEvidence(reader) : undefined,
    addedAtMs: (facts & ADDED) !== 0 ? reader.f64() : undefined,
  };
}

function writeEvidence({ segments, values, rest }: Evidence, writer: ByteWriter): void {
  writeNumbers(segments, values, writer);
  writer.f64(rest);
}

function readEvidence(reader: ByteReader): Evidence {
  const { names, values } = readNumbers(reader);
  return { segments: names, values, rest: reader.f64() };
}

function writeNumbers(names: readonly string[], values: readonly number[], writer: ByteWriter): void {
  writer.u8(names.length);
  for (let i = 0; i < names.length; i++) {
    writer.text(names[i]!);
    writer.f64(values[i]!);
  }
}

function readNumbers(reader: ByteReader): Readonly<{ names: string[]; values: number[] }> {
  const [names, values]: [string[], number[]] = [[], []];
  for (let left = reader.u8(); left > 0; left--) {
    names.push(reader.text());
    values.push(reader.f64());
  }
  return { names, values };
}
