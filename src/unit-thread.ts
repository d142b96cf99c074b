import { setImmediate as immediate, setTimeout as sleep } from "node:timers/promises";
import type { MessagePort } from "node:worker_threads";
import { operatorTrail } from "./actors/operator-trail.ts";
import { Turns } from "./actors/turns.ts";
import type { Lease, UnitCopy } from "./actors/unit-copy.ts";
import { UnitMeter } from "./actors/unit-meter.ts";
import { aesCipher } from "./adapters/aes-cipher.ts";
import { deploymentKeys } from "./adapters/deployment-keys.ts";
import { entropyBits, entropyBytes, newId } from "./adapters/entropy.ts";
import { natsBlobStore } from "./adapters/nats-blob-store.ts";
import { natsBus } from "./adapters/nats-bus.ts";
import { connectNats } from "./adapters/nats-connection.ts";
import { isConnected, reconnectsOf } from "./adapters/nats-connectivity.ts";
import { natsKeptStream } from "./adapters/nats-kept-stream.ts";
import { NatsLog } from "./adapters/nats-log.ts";
import { startTracing } from "./adapters/otel-tracing.ts";
import { sharedDeadline } from "./adapters/shared-deadline.ts";
import { systemClock } from "./adapters/system-clock.ts";
import { zstdCompressor } from "./adapters/zstd-compressor.ts";
import { type Subjects, subjectsOf } from "./events/subjects.ts";
import { EngineError, toWireError } from "./kernel/engine-error.ts";
import { hiddenIds } from "./kernel/hidden-ids.ts";
import type { ReportFacts } from "./kernel/report.ts";
import { framesOf } from "./kernel/without-quotes.ts";
import { lmdbStores } from "./lmdb-stores.ts";
import { openCopy } from "./open-copy.ts";
import { userHasher } from "./privacy/user-hash.ts";
import { type KeptStreams, sharedPurge } from "./purge-users.ts";
import { decisionKeyOf, releasesOf } from "./releases.ts";
import {
  ALIVE_MS,
  type CopyRequest,
  type FromThread,
  type ThreadEnd,
  type ToThread,
} from "./thread-protocol.ts";
import type { ThreadFigures, UnitFigures } from "./unit-figures.ts";
import type { UnitThreadTask } from "./unit-thread-task.ts";

/** A server that restarts is back within seconds: a thread that has to start meanwhile waits for it, and has not failed. */
const NATS_PATIENCE_MS = 10_000;

/** Entry of a thread: one NATS connection, and the copies that the node opens in it, until told to stop. */
export async function runUnits(task: UnitThreadTask & { readonly port: MessagePort }): Promise<ThreadEnd> {
  const { port, replicas } = task;
  const tell = (message: FromThread): void => port.postMessage(message);
  const alive = setInterval(() => tell({ kind: "alive" }), ALIVE_MS);
  const copies = new Map<string, UnitCopy>();
  try {
    const address = { ...task.nats, name: `${task.node} units` };
    const connection = await connectNats(address, NATS_PATIENCE_MS);
    const subjects = subjectsOf(task.prefix, task.generation);
    const blobs = await natsBlobStore(connection, subjects, { replicas });
    const deadline = sharedDeadline(task.deadline);
    const stores = lmdbStores(task.dataDir, task.generation);
    const tracing = await startTracing(process.env, { node: task.node, thread: "units" });
    const log = await NatsLog.over(connection, { replicas, isTraced: tracing !== undefined });
    const keys = await deploymentKeys(blobs, entropyBytes);
    const meter = new UnitMeter();
    const report = (line: string, facts: ReportFacts): void => tell({ kind: "report", line, facts });
    const figures = new Map<string, () => UnitFigures>();
    const world = {
      meter,
      figures,
      ...(tracing === undefined ? {} : { tracer: tracing.tracer }),
      connection,
      log,
      purge: sharedPurge(await keptStreams(connection, log, subjects)),
      hashUser: userHasher(keys.lasting("erased-users")),
      bus: natsBus(connection, operatorTrail(report, task.prefix, systemClock.monotonicMs)),
      blobs,
      snapshots: {
        blobs: await natsBlobStore(
          connection,
          {
            releases: subjects.snapshots,
            artefacts: subjects.snapshotParts,
          },
          { replicas },
        ),
        compressor: zstdCompressor,
        cipher: aesCipher,
        pause: () => immediate(),
      },
      releases: releasesOf(blobs),
      clock: systemClock,
      sleep: (ms: number) => sleep(ms, undefined, { ref: false }),
      newId,
      decisionKey: await decisionKeyOf(blobs, entropyBytes),
      bits: entropyBits(),
      subjects,
      hideUser: hiddenIds(keys.lasting("log-ids"), "user"),
      turns: new Turns(),
      report,
    };
    const leaseOf = (epoch: number, session: number): Lease => ({
      epoch,
      session,
      isHeld: () => deadline.isHeld(session, systemClock.monotonicMs()),
    });
    const perform = async (unit: string, ask: CopyRequest): Promise<number> => {
      if (ask.kind === "open") {
        const copy = await openCopy(unit, world, stores, task);
        copies.set(unit, copy);
        copy.done.catch((thrown) => tell({ kind: "failed", unit, error: told(thrown) }));
        return 0;
      }
      const copy = copies.get(unit);
      if (copy === undefined) throw notOpen(unit);
      if (ask.kind === "lag") return copy.lag();
      if (ask.kind === "own") await copy.own(leaseOf(ask.epoch, ask.session));
      else if (ask.kind === "drain") await copy.drain();
      else if (ask.kind === "rest") await copy.rest();
      else {
        copies.delete(unit);
        figures.delete(unit);
        await copy.stop();
      }
      return 0;
    };
    const measured = (): ThreadFigures => ({
      units: [...figures.values()].map((read) => read()),
      meter: meter.figures(),
      nats: { isConnected: isConnected(connection), reconnects: reconnectsOf(connection) },
    });
    const stopped = new Promise<void>((resolve) => {
      port.on("message", (message: ToThread) => {
        if (message.kind === "stop") return resolve();
        if (message.kind === "measure") return tell({ kind: "figures", figures: measured() });
        const { call } = message;
        void perform(message.unit, message.ask).then(
          (value) => tell({ kind: "answer", call, value }),
          (thrown) => tell({ kind: "answer", call, error: told(thrown) }),
        );
      });
      port.on("close", resolve); // The node is gone or gave the thread up.
    });
    tell({ kind: "ready" });
    await stopped;
    await Promise.allSettled([...copies.values()].map((copy) => copy.stop()));
    await connection.close();
    await tracing?.close();
    return { kind: "stopped" };
  } catch (thrown) {
    return { kind: "failed", error: told(thrown) };
  } finally {
    clearInterval(alive);
    port.close();
  }
}

async function keptStreams(
  connection: Awaited<ReturnType<typeof connectNats>>,
  log: NatsLog,
  { decisions, deadLetters, transitions }: Subjects,
): Promise<KeptStreams> {
  return {
    decisions: await natsKeptStream(connection, log, decisions),
    deadLetters: await natsKeptStream(connection, log, deadLetters),
    transitions: await natsKeptStream(connection, log, transitions),
  };
}

/** Inside the node the place is told too; the stack never leaves it. */
function told(thrown: unknown): ReturnType<typeof toWireError> {
  const error = toWireError(thrown);
  if (error.code !== "INTERNAL" || !(thrown instanceof Error)) return error;
  return { ...error, detail: { ...error.detail, stack: framesOf(thrown) } };
}

function notOpen(unit: string): EngineError {
  const message = `no copy of ${unit} is open in this thread`;
  return new EngineError({ code: "COPY_NOT_OPEN", message, retryable: true, detail: { unit } });
}
