/** The part of a server's greeting that tells what it can do. */
export type NatsGreeting = Readonly<{ version: string; max_payload: number }>;

/** What a NATS server can do, as far as the engine makes use of it. */
export type NatsAbilities = Readonly<{
  /** As the server says it, like `2.9.10`. */
  version: string;
  /** Several messages of one stream are stored all or none (from 2.12). */
  atomicBatch: boolean;
  /** A request for a stream's messages is answered with many of them (from 2.11). */
  groupsOfMessages: boolean;
  /** `sync_interval: always`, which puts each write on disk before it is acknowledged (from 2.10). */
  syncAlways: boolean;
  /** 2.10.0 to 2.10.22 could lose a stream when the process crashed (Jepsen's analysis of December 2025). */
  losesStreamAtCrash: boolean;
  /** Largest message, headers included. */
  maxPayloadBytes: number;
}>;

/** Reads abilities off a server's greeting. */
export function natsAbilities(greeting: NatsGreeting): NatsAbilities {
  const { version } = greeting;
  return {
    version,
    atomicBatch: isAtLeast(version, "2.12.0"),
    groupsOfMessages: isAtLeast(version, "2.11.0"),
    syncAlways: isAtLeast(version, "2.10.0"),
    losesStreamAtCrash: isAtLeast(version, "2.10.0") && !isAtLeast(version, "2.10.23"),
    maxPayloadBytes: greeting.max_payload,
  };
}

/** Whether a version `major.minor.patch`, with anything behind it, is a given one or newer. */
export function isAtLeast(version: string, floor: string): boolean {
  const left = numbersOf(version);
  const right = numbersOf(floor);
  for (let place = 0; place < 3; place++) {
    const difference = (left[place] ?? 0) - (right[place] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

function numbersOf(version: string): number[] {
  const digits = /(\d+)\.(\d+)\.(\d+)/.exec(version);
  return digits === null ? [0, 0, 0] : digits.slice(1).map(Number);
}
