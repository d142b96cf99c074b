import type { Log } from "./actors/log.ts";
import type { KeptMessage, KeptMessages } from "./adapters/nats-dead-letters.ts";
import { decodeEntries } from "./events/log-codec.ts";
import type { LogEntry } from "./events/log-entry.ts";
import type { Subjects } from "./events/subjects.ts";
import type { DeadLetters, ShownLetter } from "./gateway/dead-letters.ts";
import { EngineError } from "./kernel/engine-error.ts";
import { shardOf } from "./kernel/hash.ts";
import { decode } from "./kernel/msgpack.ts";
import type { DeadLetter } from "./shards/shard-messages.ts";

/** What is known of a letter; its entry is decoded if that is possible. */
function describeLetter({ id, storedAtMs, data }: KeptMessage): {
  shown: ShownLetter;
  letter: DeadLetter;
} {
  const letter = decode(data) as DeadLetter;
  const { shard, sequence, code, reason, stack } = letter;
  const entry = entryOf(letter.data);
  const shown = {
    id,
    at: new Date(storedAtMs).toISOString(),
    shard,
    sequence,
    code,
    reason,
    stack,
    ...(entry === undefined ? {} : { entry }),
    bytes: letter.data.byteLength,
  };
  return { shown, letter };
}

function entryOf(data: Uint8Array): LogEntry | undefined {
  try {
    return decodeEntries(data)[0];
  } catch {
    return undefined; // That may be why it is here.
  }
}

type LetterPorts = Readonly<{
  kept: KeptMessages;
  log: Pick<Log, "append">;
  subjects: Subjects;
  /** A new unique id. */
  newId(): string;
}>;

/** @param shards - Number of shards of the deployment. */
export function deadLettersOf({ kept, log, subjects, newId }: LetterPorts, shards: number): DeadLetters {
  const letterOf = async (id: number): Promise<KeptMessage> => {
    const found = await kept.get(id);
    if (found !== undefined) return found;
    const message = `there is no dead letter ${id}: it was tried again or dropped meanwhile, or never there`;
    throw new EngineError({ code: "NO_SUCH_LETTER", message, retryable: false, detail: { id } });
  };
  return {
    list: async (limit) => (await kept.list(limit)).map((message) => describeLetter(message).shown),
    show: async (id) => describeLetter(await letterOf(id)).shown,
    async retry(id) {
      const { letter, shown } = describeLetter(await letterOf(id));
      // Since then, shards may have been split.
      const shard = shown.entry?.kind === "behaviour" ? shardOf(shown.entry.user, shards) : letter.shard;
      await log.append(subjects.shardLog(shard), [{ id: `retry:${id}:${newId()}`, data: letter.data }]);
      await kept.remove(id);
    },
    async drop(id) {
      await letterOf(id);
      await kept.remove(id);
    },
  };
}
