import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import type { BusReply } from "../../src/actors/bus.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { documentedCodes } from "../gateway/documented-codes.ts";
import { type FuzzInput, type FuzzShape, madeUp, mutants } from "./fuzz-inputs.ts";

/** What is fuzzed. */
export type FuzzTarget = Readonly<{
  name: string;
  shape: FuzzShape;
  send(input: FuzzInput): Promise<BusReply>;
  /** Lets go of what it keeps as the engine would keep it, so that memory can be compared. */
  rest?(): Promise<void>;
  /** What must not be there when all is sent: one text each. */
  left?(): readonly string[];
  /** Ends what it has opened. */
  close?(): Promise<void>;
}>;

/** What was seen. */
export type FuzzReport = Readonly<{
  target: string;
  inputs: number;
  /** Requests that were answered without an error. */
  answered: number;
  /** Codes of requests and events that were refused, with how often. */
  codes: Readonly<Record<string, number>>;
  /** The most of this thread's time that one input took, ms: no turn of the loop took more. */
  turnMsMax: number;
  /** Memory after a tenth of the inputs, and after all, MiB. */
  memoryMiB: readonly [early: number, end: number];
  seconds: number;
  findings: readonly string[];
}>;

/** A turn of the event loop that takes longer keeps everybody else waiting. */
export const STALL_MS = 100;
/** What memory may grow by between a tenth of the inputs and the end: fragments, and code that was compiled. */
export const GROWTH_MIB = 16;
/** Codes of an engine in trouble: no input may lead to one. */
const OF_TROUBLE = [
  "INTERNAL",
  "ASSERTION_FAILED",
  "TIMEOUT",
  "NO_RESPONDERS",
  "LOG_UNAVAILABLE",
  "SERVICE_ERROR",
];
const FINDINGS_MAX = 20;

/** Sends mutants of valid messages and made-up ones, half of each, one after the other, and judges each answer. */
export async function runFuzz(
  target: FuzzTarget,
  { inputs, seed }: Readonly<{ inputs: number; seed: number }>,
): Promise<FuzzReport> {
  const judge = new Judge(target);
  const beganMs = performance.now();
  const stopListening = judge.listen();
  fc.sample(madeUp(target.shape), 100); // Its tables of characters take 80 MiB, which are not the engine's.
  const early = Math.ceil(inputs / 10);
  let sent = 0;
  let earlyMiB = 0;
  const send = async (input: FuzzInput): Promise<boolean> => {
    const isFine = await judge.judge(input);
    // A real turn now and then: what was forgotten would show up as a rejection that nobody handled.
    if (++sent % 50 === 0) await new Promise(setImmediate);
    if (sent === early) {
      await target.rest?.();
      earlyMiB = memoryMiB();
    }
    return isFine;
  };
  try {
    const next = mutants(target.shape, seed);
    for (let i = 0; i < inputs / 2; i++) await send(next());
    const property = fc.asyncProperty(madeUp(target.shape), send);
    const checked = await fc.check(property, { seed, numRuns: Math.floor(inputs / 2), endOnFailure: true });
    if (checked.failed) judge.find(`fast-check: ${fc.stringify(checked.counterexample)}`);
    await new Promise(setImmediate);
  } finally {
    stopListening();
  }
  for (const left of target.left?.() ?? []) judge.find(left);
  await target.rest?.();
  const endMiB = memoryMiB();
  if (endMiB - earlyMiB > GROWTH_MIB) judge.find(`memory grew from ${earlyMiB} to ${endMiB} MiB`);
  return {
    target: target.name,
    inputs: sent,
    answered: judge.answered,
    codes: Object.fromEntries([...judge.codes].sort(([a], [b]) => (a < b ? -1 : 1))),
    turnMsMax: Math.round(judge.turnMsMax * 10) / 10,
    memoryMiB: [earlyMiB, endMiB],
    seconds: Math.round((performance.now() - beganMs) / 1_000),
    findings: judge.findings,
  };
}

class Judge {
  readonly codes = new Map<string, number>();
  readonly findings: string[] = [];
  answered = 0;
  turnMsMax = 0;
  readonly #target: FuzzTarget;
  readonly #documented = documentedCodes();
  readonly #prototype = Object.getOwnPropertyNames(Object.prototype).sort().join();
  #last: FuzzInput | undefined;

  constructor(target: FuzzTarget) {
    this.#target = target;
  }

  find(what: string): void {
    if (this.findings.length < FINDINGS_MAX) this.findings.push(what);
  }

  /** Notes rejections that nobody handles, and what is thrown where nobody catches. @returns Stops. */
  listen(): () => void {
    const heard = (thrown: unknown): void =>
      this.find(`unhandled ${String((thrown as Error)?.stack ?? thrown)} near ${shown(this.#last)}`);
    process.on("unhandledRejection", heard);
    process.on("uncaughtException", heard);
    return () => {
      process.off("unhandledRejection", heard);
      process.off("uncaughtException", heard);
    };
  }

  /** Sends one input. @returns Whether all is as it must be. */
  async judge(input: FuzzInput): Promise<boolean> {
    this.#last = input;
    const before = this.findings.length;
    const began = process.threadCpuUsage();
    let reply: BusReply | undefined;
    try {
      reply = await this.#target.send(input);
    } catch (thrown) {
      this.find(`thrown ${String((thrown as Error)?.stack ?? thrown)} by ${shown(input)}`);
    }
    const took = process.threadCpuUsage(began);
    const turnMs = (took.user + took.system) / 1_000;
    this.turnMsMax = Math.max(this.turnMsMax, turnMs);
    if (turnMs > STALL_MS) this.find(`a turn of ${turnMs.toFixed(0)} ms by ${shown(input)}`);
    if (reply !== undefined) this.#read(reply, input);
    if (Object.getOwnPropertyNames(Object.prototype).sort().join() !== this.#prototype)
      this.find(`the prototype of objects has changed by ${shown(input)}`);
    return this.findings.length === before;
  }

  #read(reply: BusReply, input: FuzzInput): void {
    if (reply.error !== undefined) this.#count(reply.error.code, reply.error.message, input);
    else this.answered++;
    for (const { code, message } of refusedIn(reply)) this.#count(code, message, input);
  }

  #count(code: string, message: string, input: FuzzInput): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    if (!this.#documented.has(code)) this.find(`${code} is not documented: ${shown(input)}`);
    if (OF_TROUBLE.includes(code)) this.find(`${code} (${message}) by ${shown(input)}`);
  }
}

type Refused = Readonly<{ code: string; message: string }>;

function refusedIn(reply: BusReply): readonly Refused[] {
  if (reply.error !== undefined) return [];
  const isJson = reply.contentType !== "application/msgpack";
  const value = (isJson ? JSON.parse(new TextDecoder().decode(reply.data)) : decode(reply.data)) as {
    refused?: readonly Refused[];
  };
  return value?.refused ?? [];
}

/** An input, so that it can be sent again. */
function shown(input: FuzzInput | undefined): string {
  if (input === undefined) return "nothing";
  const { data, endpoint, contentType } = input;
  const part = Buffer.from(data.subarray(0, 600)).toString("base64");
  return `${endpoint} as ${JSON.stringify(contentType)}, ${data.length} bytes: ${part}`;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memoryMiB(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 104_857.6) / 10;
}
