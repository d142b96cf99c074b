import type { KeptStream } from "../actors/kept-stream.ts";
import type { LogMessage } from "../actors/log.ts";

/** A {@link KeptStream} in memory, for tests and simulation. */
export function memoryKeptStream(): KeptStream {
  const held = new Map<number, LogMessage>();
  const ids = new Set<string>();
  let last = 0;
  return {
    async *messages(from = 1) {
      const asked = [...held.values()].filter(({ sequence }) => sequence >= from);
      yield* asked.sort((a, b) => a.sequence - b.sequence);
    },
    async messagesAt(sequences) {
      return sequences.flatMap((sequence) => held.get(sequence) ?? []);
    },
    async append(messages) {
      for (const { id, data } of messages) {
        if (ids.has(id)) continue;
        ids.add(id);
        held.set(++last, { sequence: last, storedAtMs: last, data: data.slice() });
      }
    },
    async erase(sequences) {
      return sequences.filter((sequence) => held.delete(sequence)).length;
    },
  };
}
