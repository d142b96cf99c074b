import type { ShardStatus } from "../resonance/score-answer.ts";
import { Admission } from "./admission.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import { shardStatus } from "./shard-status.ts";

/** How often a shard whose log grows is asked how far it is. */
const LOOK_EVERY_MS = 1_000;

type Watched = { readonly admission: Admission; lookedMs: number; isLooking: boolean };

/**
 * Knows how far the shards are behind, and refuses what would put one of them further behind than it may be. A shard is
 * asked once a second at most, and only while events for it come; how long its log is, the gateway knows from what it
 * stored there. One that does not answer has not moved.
 */
export class LagWatch {
  readonly #ports: Pick<GatewayPorts, "bus" | "clock" | "ownerOf" | "subjects">;
  readonly #lagMax: number;
  readonly #shards = new Map<number, Watched>();

  /** @param lagMax - Log messages that a shard may be behind; Infinity: it is never asked. */
  constructor(ports: Pick<GatewayPorts, "bus" | "clock" | "ownerOf" | "subjects">, lagMax: number) {
    this.#ports = ports;
    this.#lagMax = lagMax;
  }

  /** How long events for a shard have to wait, ms; 0 if they are taken. */
  retryAfterMs(shard: number): number {
    if (this.#lagMax === Number.POSITIVE_INFINITY) return 0;
    const watched = this.#watched(shard);
    const nowMs = this.#ports.clock.monotonicMs();
    if (!watched.isLooking && nowMs - watched.lookedMs >= LOOK_EVERY_MS) void this.#look(shard, watched);
    return watched.admission.retryAfterMs;
  }

  /** A shard's log has a message at a sequence. */
  appended(shard: number, sequence: number): void {
    this.#shards.get(shard)?.admission.appended(sequence);
  }

  /** Shards that take nothing at the moment, and how far behind they are. */
  refusing(): readonly Readonly<{ shard: number; lag: number }>[] {
    return [...this.#shards].flatMap(([shard, { admission }]) =>
      admission.isRefusing ? [{ shard, lag: admission.lag }] : [],
    );
  }

  #watched(shard: number): Watched {
    const held = this.#shards.get(shard);
    if (held !== undefined) return held;
    const begun = {
      admission: new Admission(this.#lagMax),
      lookedMs: Number.NEGATIVE_INFINITY,
      isLooking: false,
    };
    this.#shards.set(shard, begun);
    return begun;
  }

  async #look(shard: number, watched: Watched): Promise<void> {
    const { clock } = this.#ports;
    watched.isLooking = true;
    const told: ShardStatus | undefined = await shardStatus(this.#ports, shard);
    watched.isLooking = false;
    watched.lookedMs = clock.monotonicMs();
    if (told !== undefined) watched.admission.told(told, watched.lookedMs);
  }
}
