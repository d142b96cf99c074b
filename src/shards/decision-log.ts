import type { Log } from "../actors/log.ts";
import type { LoggedDecision } from "../content/content-answer.ts";
import { encode } from "../kernel/msgpack.ts";

/** Decisions wait so long, ms: those of that time share a message. */
const FLUSH_MS = 250;
const DECISIONS_A_MESSAGE = 1_000;
/** Decisions that wait at most: the stream is for analysis, and never in the way of an answer. */
const WAITING_MAX = 50_000;

type DecisionLogPorts = Readonly<{
  log: Pick<Log, "append">;
  sleep(ms: number): Promise<void>;
  newId(): string;
}>;

/**
 * Takes down what was decided, with the propensities that estimates of other policies need, in a stream of its own. Nobody
 * waits for it: what the stream does not take in time is lost, and counted.
 */
export class DecisionLog {
  readonly #ports: DecisionLogPorts;
  readonly #stream: string;
  readonly #writer: string;
  #messages = 0;
  #waiting: LoggedDecision[] = [];
  #writing: Promise<void> | undefined;
  /** Decisions that were lost. */
  lost = 0;

  constructor(ports: DecisionLogPorts, stream: string) {
    this.#ports = ports;
    this.#stream = stream;
    this.#writer = ports.newId();
  }

  add(decision: LoggedDecision): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.lost++;
      return;
    }
    this.#waiting.push(decision);
    this.#writing ??= this.#write();
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#flush();
  }

  async #write(): Promise<void> {
    await this.#ports.sleep(FLUSH_MS);
    await this.#flush();
    this.#writing = undefined;
    if (this.#waiting.length > 0) this.#writing = this.#write();
  }

  async #flush(): Promise<void> {
    const decisions = this.#waiting;
    if (decisions.length === 0) return;
    this.#waiting = [];
    const messages = [];
    for (let at = 0; at < decisions.length; at += DECISIONS_A_MESSAGE) {
      const data = encode(decisions.slice(at, at + DECISIONS_A_MESSAGE));
      messages.push({ id: `${this.#writer}:${this.#messages++}`, data });
    }
    try {
      await this.#ports.log.append(this.#stream, messages);
    } catch {
      this.lost += decisions.length; // It is told with the shard's status.
    }
  }
}
