import { encode } from "../kernel/msgpack.ts";
import type { Log } from "./log.ts";

/** Rows wait so long, ms: those of that time share a message. */
const FLUSH_MS = 250;
const ROWS_A_MESSAGE = 1_000;
/** Rows that wait at most: such a stream is for analysis, and never in the way of an answer. */
const WAITING_MAX = 50_000;

type RowStreamPorts = Readonly<{
  log: Pick<Log, "append">;
  sleep(ms: number): Promise<void>;
  /** A new unique id. */
  newId(): string;
}>;

/** Takes rows down in a stream, many in a message, as MessagePack. Nobody waits for it: what the stream does not take is lost, and counted. */
export class RowStream<Row> {
  readonly #ports: RowStreamPorts;
  readonly #stream: string;
  readonly #writer: string;
  #messages = 0;
  #waiting: Row[] = [];
  #writing: Promise<void> | undefined;
  /** Rows that were lost. */
  lost = 0;

  constructor(ports: RowStreamPorts, stream: string) {
    this.#ports = ports;
    this.#stream = stream;
    this.#writer = ports.newId();
  }

  add(row: Row): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.lost++;
      return;
    }
    this.#waiting.push(row);
    this.#writing ??= this.#write();
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.#flush();
  }

  async #write(): Promise<void> {
    await this.#ports.sleep(FLUSH_MS);
    await this.#flush();
    this.#writing = this.#waiting.length > 0 ? this.#write() : undefined;
  }

  async #flush(): Promise<void> {
    const rows = this.#waiting;
    if (rows.length === 0) return;
    this.#waiting = [];
    const messages = [];
    for (let at = 0; at < rows.length; at += ROWS_A_MESSAGE) {
      const data = encode(rows.slice(at, at + ROWS_A_MESSAGE));
      messages.push({ id: `${this.#writer}:${this.#messages++}`, data });
    }
    try {
      await this.#ports.log.append(this.#stream, messages);
    } catch {
      this.lost += rows.length; // Whoever owns the stream tells of it.
    }
  }
}
