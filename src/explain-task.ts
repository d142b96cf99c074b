import { setImmediate as immediate } from "node:timers/promises";
import { aesCipher } from "./adapters/aes-cipher.ts";
import { newId } from "./adapters/entropy.ts";
import type { NatsAccess } from "./adapters/nats-access.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { zstdCompressor } from "./adapters/zstd-compressor.ts";
import { subjectsOf } from "./events/subjects.ts";
import { type ExplainLimits, explain } from "./explain.ts";
import { type ExportLimits, type ExportWorld, exportPage } from "./export-user.ts";
import type { ExplainQuestion, ExportPage, ExportQuestion } from "./gateway/gateway-ports.ts";
import type { JourneyQuestion, VisitorJourney } from "./gateway/visitor-lens.ts";
import { toWireError, type WireError } from "./kernel/engine-error.ts";
import type { HalfSipKey } from "./kernel/half-sip-hash.ts";
import { userHasher } from "./privacy/user-hash.ts";
import { releasesOf } from "./releases.ts";
import { DecisionIds } from "./resonance/decision-id.ts";
import { visitorJourney } from "./visitor-journey.ts";

/** One question, and where what answers it is found; plain data, since it crosses a thread. */
export type ExplainTask = Readonly<{
  question: ExplainQuestion;
  limits: ExplainLimits;
  nats: NatsAccess;
  prefix: string;
  generation: number;
  decisionKey: HalfSipKey;
  /** What users' ids are hashed with once they are erased. */
  erasedUsersKey: Uint8Array;
}>;

export type ExplainResult =
  | Readonly<{ kind: "explained"; reply: Uint8Array }>
  | Readonly<{ kind: "failed"; error: WireError }>;

/** One look at a user's journey, and where it is found. */
export type JourneyTask = Readonly<{ question: JourneyQuestion }> & Omit<ExplainTask, "question">;

export type JourneyResult =
  | Readonly<{ kind: "told"; journey: VisitorJourney }>
  | Readonly<{ kind: "failed"; error: WireError }>;

/** One page of an export, and where it is found. */
export type ExportTask = Readonly<{ question: ExportQuestion; limits: ExportLimits }> &
  Omit<ExplainTask, "question" | "limits">;

export type ExportResult =
  | Readonly<{ kind: "exported"; page: ExportPage }>
  | Readonly<{ kind: "failed"; error: WireError }>;

type Opened = Readonly<{ world: ExportWorld; isClosed(): boolean }>;
/** The thread's connection and what hangs on it: kept from one question to the next. */
let opened: Promise<Opened> | undefined;

/** Answers one question in a thread of its own. */
export async function explainInThread(task: ExplainTask): Promise<ExplainResult> {
  try {
    const world = await worldOf(task);
    return { kind: "explained", reply: await explain(world, task.question, task.limits) };
  } catch (thrown) {
    return { kind: "failed", error: toWireError(thrown) };
  }
}

/** Tells how a user came to be answered as they are, in a thread of its own. */
export async function journeyInThread(task: JourneyTask): Promise<JourneyResult> {
  try {
    return { kind: "told", journey: await visitorJourney(await worldOf(task), task.question, task.limits) };
  } catch (thrown) {
    return { kind: "failed", error: toWireError(thrown) };
  }
}

/** Gathers a page of an export in a thread of its own. */
export async function exportInThread(task: ExportTask): Promise<ExportResult> {
  try {
    return { kind: "exported", page: await exportPage(await worldOf(task), task.question, task.limits) };
  } catch (thrown) {
    return { kind: "failed", error: toWireError(thrown) };
  }
}

type Place = Pick<ExplainTask, "nats" | "prefix" | "generation" | "decisionKey" | "erasedUsersKey">;

async function worldOf(place: Place): Promise<ExportWorld> {
  if (opened !== undefined && (await opened.catch(() => undefined))?.isClosed() !== false) opened = undefined;
  opened ??= open(place);
  return (await opened).world;
}

async function open({ nats, prefix, generation, decisionKey, erasedUsersKey }: Place): Promise<Opened> {
  const connection = await connectNats({ ...nats, name: "resonance explain" });
  const subjects = subjectsOf(prefix, generation);
  const buckets = { releases: subjects.snapshots, artefacts: subjects.snapshotParts };
  const world: ExportWorld = {
    bus: natsBus(connection),
    log: await NatsLog.over(connection),
    releases: releasesOf(await natsBlobStore(connection, subjects)),
    snapshots: {
      blobs: await natsBlobStore(connection, buckets),
      compressor: zstdCompressor,
      cipher: aesCipher,
      pause: () => immediate(),
    },
    subjects,
    clock: systemClock,
    decisions: new DecisionIds(decisionKey, newId()),
    hashUser: userHasher(erasedUsersKey),
  };
  return { world, isClosed: () => connection.isClosed() };
}
