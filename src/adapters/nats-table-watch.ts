import type { NatsConnection } from "@nats-io/transport-node";
import type { TableChanges, TableEntry } from "./nats-table-changes.ts";

/** A write that was answered and is not told after this long proves that the watch is deaf: it is made anew. */
const DEAF_MS = 500;
/** Pause before a watch that can't be made is tried again. */
const RETRY_MS = 100;

/**
 * Watches a whole bucket for as long as it takes: makes the watch anew when it ends, after each reconnect, and when
 * a write of this node does not come back in time, since then the server that keeps the watch is cut off.
 */
export class TableWatch {
  readonly #nc: NatsConnection;
  readonly #open: () => Promise<TableChanges>;
  readonly #told: (entry: TableEntry) => void;
  readonly #statuses: { stop?: () => void } & AsyncIterable<{ type: string }>;
  #changes: TableChanges;
  #following: Promise<void> | undefined;
  #isClosed = false;
  /** The last revision told by the present watch. */
  #seen = 0;
  #deafTimer: NodeJS.Timeout | undefined;

  private constructor(
    nc: NatsConnection,
    open: () => Promise<TableChanges>,
    told: (entry: TableEntry) => void,
    changes: TableChanges,
  ) {
    this.#nc = nc;
    this.#open = open;
    this.#told = told;
    this.#changes = changes;
    this.#statuses = nc.status();
  }

  /**
   * @param open - Starts a watch that begins with the newest entry of each key.
   * @throws What `open` throws the first time; later it is tried for ever.
   */
  static async start(
    nc: NatsConnection,
    open: () => Promise<TableChanges>,
    told: (entry: TableEntry) => void,
  ): Promise<TableWatch> {
    const watch = new TableWatch(nc, open, told, await open());
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
    this.#isClosed = true;
    clearTimeout(this.#deafTimer);
    this.#statuses.stop?.();
    this.#changes.stop();
    await this.#following;
  }

  async #follow(): Promise<void> {
    while (!this.#isClosed) {
      await this.#tellAll();
      this.#seen = 0; // The bucket may be another one by now, whose revisions start anew.
      await this.#reopen();
    }
  }

  async #tellAll(): Promise<void> {
    for await (const entry of this.#changes.entries) {
      if (this.#isClosed) return;
      this.#seen = entry.revision;
      this.#told(entry);
    }
  }

  async #reopen(): Promise<void> {
    while (!this.#isClosed) {
      try {
        this.#changes = await this.#open();
        if (this.#isClosed) this.#changes.stop();
        return;
      } catch {
        if (this.#nc.isClosed()) return this.#end();
        await pause(RETRY_MS);
      }
    }
  }

  #end(): void {
    this.#isClosed = true;
    clearTimeout(this.#deafTimer);
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
