/** What commands take. */
export type RedisWord = string | Buffer;

/** A connection; commands sent in one turn of the event loop go out together. */
export type RedisConnection = Readonly<{
  /** Sends a command; texts of the reply are bytes. */
  send(words: readonly RedisWord[]): Promise<unknown>;
  close(): void;
}>;

/**
 * Connects over `@redis/client` (node-redis). Measured against `ioredis` with this pipeline's commands, it was 1.3 to 2.7
 * times as fast and took a quarter of the processor's time, since it joins what is written and parses bytes natively.
 */
export async function connectRedis(at: {
  readonly host: string;
  readonly port: number;
}): Promise<RedisConnection> {
  // Only when it is needed: an installed package comes without it, and the other scenarios run all the same.
  const { createClient, RESP_TYPES } = await import("@redis/client");
  const client = createClient({
    RESP: 2,
    socket: { host: at.host, port: at.port, reconnectStrategy: false },
    // Without a timeout of its own for each command: those cost more than sending it.
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer }, timeout: 0 },
  });
  client.on("error", () => undefined); // Every command that is under way is rejected with it.
  await client.connect();
  return {
    send: (words) => client.sendCommand(words),
    close: () => client.destroy(),
  };
}
