import type { NatsConnection } from "@nats-io/transport-node";
import type { KeyValueChange } from "../actors/key-value.ts";
import type { TableChanges } from "./nats-table-changes.ts";

/** A write that was answered and is not told after this long proves that the watch is deaf: it is made anew. */
const DEAF_MS = 500;
/** The server is asked this often for the newest revision, in case the last change got lost. */
const CHECK_MS = 5_000;
/** Pause before a watch that can't be made is tried again. */
const RETRY_MS = 100;

/** How a watch reaches its table. */
export type WatchPorts = Readonly<{
  nc: NatsConnection;
  /** Starts to listen; begins with the newest entry of each key. */
  open: () => Promise<TableChanges>;
  /** The newest revision. */
  newest: () => Promise<number>;
  told: (change: KeyValueChange) => void;
}>;

/**
 * Watches a whole bucket for as long as it takes: listens anew when a change got lost, after each reconnect, and
 * when a write that was answered is not told in time.
 */
export class TableWatch {
  readonly #ports: WatchPorts;
  readonly #statuses: { stop?: () => void } & AsyncIterable<{ type: string }>;
  readonly #checking: NodeJS.Timeout;
  #changes: TableChanges;
  #following: Promise<void> | undefined;
  #isClosed = false;
  /** The last revision told by the present watch. */
  #seen = 0;
  #deafTimer: NodeJS.Timeout | undefined;

  private constructor(ports: WatchPorts, changes: TableChanges) {
    this.#ports = ports;
    this.#changes = changes;
    this.#statuses = ports.nc.status();
    this.#checking = setInterval(() => void this.#check(), CHECK_MS).unref();
  }

  /** @throws What `open` throws the first time; later it is tried for ever. */
  static async start(ports: WatchPorts): Promise<TableWatch> {
    const watch = new TableWatch(ports, await ports.open());
    watch.#following = watch.#follow();
    void watch.#followConnection();
    return watch;
  }

  /** Makes the watch anew, which tells the newest entry of each key again. */
  renew(): void {
    this.#changes.stop();
  }

  /** Takes note of a write that was answered. */
  expect(revision: number): void {
    if (this.#isClosed || this.#deafTimer !== undefined || revision <= this.#seen) return;
    this.#deafTimer = setTimeout(() => {
      this.#deafTimer = undefined;
      if (this.#seen < revision) this.renew();
    }, DEAF_MS).unref();
  }

  async close(): Promise<void> {
    this.#end();
    this.#changes.stop();
    await this.#following;
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      this.#seen = this.#changes.upTo; // The bucket may be another one by now, whose revisions start anew.
      for await (const change of this.#changes.changes) {
        if (this.#isClosed) return;
        this.#seen = Math.max(this.#seen, change.revision);
        this.#ports.told(change);
      }
      this.#changes.stop();
      await this.#reopen();
    }
  }

  async #reopen(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#changes = await this.#ports.open();
        if (this.#isClosed) this.#changes.stop();
        return;
      } catch {
        if (this.#ports.nc.isClosed()) return this.#end();
        await pause(RETRY_MS);
      }
    }
  }

  async #check(): Promise<void> {
    // A server that is away now is asked again later.
    this.expect(await this.#ports.newest().catch(() => 0));
  }

  #end(): void {
    this.#isClosed = true;
    clearTimeout(this.#deafTimer);
    clearInterval(this.#checking);
    this.#statuses.stop?.();
  }

  async #followConnection(): Promise<void> {
    for await (const { type } of this.#statuses) if (type === "reconnect") this.renew();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
