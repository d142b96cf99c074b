import { headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { closedLoop } from "./closed-loop.ts";
import { LoadRecorder, movedResult, preciseNowMs } from "./load-result.ts";
import type { ClosedTask, EchoTask, EncodedRequest, LoadResult, OpenTask } from "./load-tasks.ts";
import { openLoop } from "./open-loop.ts";
import { LeanClient, libraryClient, type RequestClient } from "./request-client.ts";

/** Answers every request on a subject at once: the least that any service could do. */
export async function echo(nc: NatsConnection, task: EchoTask): Promise<LoadResult> {
  const fixed = task.replyBytes === undefined ? undefined : new Uint8Array(task.replyBytes);
  nc.subscribe(task.subject, {
    callback: (error, message) => {
      if (error === null) message.respond(fixed ?? message.data);
    },
  });
  await nc.flush();
  return movedResult(0, preciseNowMs(), preciseNowMs());
}

/** Requests with a number of them under way. */
export async function requestsClosed(nc: NatsConnection, task: ClosedTask): Promise<LoadResult> {
  const client = task.client === "library" ? libraryClient(nc) : await LeanClient.over(nc);
  const sender = new Sender(client, task);
  const { recorder } = sender;
  const loop = async (goesOn: () => boolean): Promise<void> => {
    await closedLoop({
      inFlight: task.inFlight,
      goesOn,
      send: (done) => sender.send(done),
      answered: (ms, isGood) => recorder.answered(ms, isGood),
    });
  };
  const until = (ms: number): (() => boolean) => {
    const endMs = performance.now() + ms;
    return () => performance.now() < endMs;
  };
  if (task.durationMs !== undefined) {
    await loop(until(task.warmUpMs));
    recorder.begin();
    await loop(until(task.durationMs));
  } else {
    recorder.begin();
    await loop(() => sender.sent < task.requests.length);
  }
  sender.close();
  return recorder.result();
}

/** Requests at the times of a schedule. */
export async function requestsOpen(nc: NatsConnection, task: OpenTask): Promise<LoadResult> {
  const sender = new Sender(await LeanClient.over(nc), task);
  const { recorder } = sender;
  const loop = async (durationMs: number): Promise<void> => {
    await openLoop({
      perSecond: task.perSecond,
      durationMs,
      send: (_, done) => sender.send(done),
      answered: (ms, isGood) => recorder.answered(ms, isGood),
      late: (ms) => recorder.late.record(ms),
    });
  };
  await loop(task.warmUpMs);
  recorder.begin();
  await loop(task.durationMs);
  sender.close();
  return recorder.result();
}

/** Sends encoded requests, round and round. */
class Sender {
  readonly recorder = new LoadRecorder();
  sent = 0;
  readonly #client: RequestClient;
  readonly #requests: readonly EncodedRequest[];
  readonly #headers: MsgHdrs | undefined;

  constructor(
    client: RequestClient,
    { requests, contentType }: Pick<ClosedTask, "requests" | "contentType">,
  ) {
    this.#client = client;
    this.#requests = requests;
    if (contentType !== undefined) {
      this.#headers = headers();
      this.#headers.set("Content-Type", contentType);
    }
  }

  send(done: (isGood: boolean) => void): void {
    const request = this.#requests[this.sent++ % this.#requests.length];
    if (request === undefined) throw new Error("a load needs requests");
    this.#client.send(request.subject, request.data, this.#headers, (isGood, data) => {
      if (isGood) this.recorder.lastReply = data;
      else this.recorder.lastFailure = data;
      done(isGood);
    });
  }

  close(): void {
    this.#client.close();
  }
}
