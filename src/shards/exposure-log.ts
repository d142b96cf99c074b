import type { Log } from "../actors/log.ts";
import { encodeEntry } from "../events/log-codec.ts";
import type { Behaviour, ExposureFact } from "../events/log-entry.ts";

/** An exposure as the log keeps it. */
export type Exposed = Behaviour & { readonly exposure: ExposureFact };

/** Exposures that wait at most: what is not taken here is met again with the user's next request. */
const WAITING_MAX = 10_000;
const EXPOSURES_A_GROUP = 500;

/**
 * Puts exposures into the shard's own log, from where they are counted. No answer waits for it; ids make repeats harmless,
 * also those of another copy that answers meanwhile.
 */
export class ExposureLog {
  readonly #log: Pick<Log, "append">;
  readonly #stream: string;
  #waiting: Exposed[] = [];
  /** Ids of those on their way: until they are folded each request would bring them again. */
  readonly #onTheWay = new Set<string>();
  #writing: Promise<void> | undefined;

  /** @param stream - The shard's log. */
  constructor({ log }: { readonly log: Pick<Log, "append"> }, stream: string) {
    this.#log = log;
    this.#stream = stream;
  }

  add(exposed: Exposed): void {
    const id = messageId(exposed);
    if (this.#onTheWay.has(id) || this.#waiting.length >= WAITING_MAX) return;
    this.#onTheWay.add(id);
    this.#waiting.push(exposed);
    this.#writing ??= this.#write();
  }

  /** Resolves once what was added is in the log, or was refused by it. */
  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, EXPOSURES_A_GROUP);
      const messages = group.map((exposed) => ({ id: messageId(exposed), data: encodeEntry(exposed) }));
      // A log that is away gets them with the users' next requests: until then they are not counted.
      await this.#log.append(this.#stream, messages).catch(() => {});
      for (const { id } of messages) this.#onTheWay.delete(id);
    }
    this.#writing = undefined;
  }
}

function messageId({ user, exposure }: Exposed): string {
  return `exposure:${exposure.experiment}:${user}`;
}
