import type { Append, Log } from "../../src/actors/log.ts";

/** A log that is read, and that nothing is written to. @param appended - Is told what would have been. */
export function readOnlyLog(
  log: Log,
  appended: (stream: string, messages: readonly Append[]) => void = () => {},
): Log {
  return {
    ensure: async () => {},
    async append(stream, messages) {
      appended(stream, messages);
      return messages.map(() => 0);
    },
    read: (...given) => log.read(...given),
    bounds: (...given) => log.bounds(...given),
    last: (...given) => log.last(...given),
    range: (...given) => log.range(...given),
    messagesAt: (...given) => log.messagesAt(...given),
    trim: async () => 1,
    redact: async () => {},
  };
}
