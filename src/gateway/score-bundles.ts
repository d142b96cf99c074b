import type { Arrival } from "../features/arrival.ts";
import type { ScoreAspect, ShardScoreRequest } from "../resonance/score-answer.ts";
import type { AskShard } from "./ask-shard.ts";

/** One user's score, as it is asked of a shard. */
export type BundledScore = Readonly<{
  shard: number;
  user: string;
  aspect: ScoreAspect;
  type: NonNullable<ShardScoreRequest["type"]>;
  /** Where the shard sends the answer straight away; "" if it is to come back. */
  asker: string;
  /** How the user came, as the request tells. */
  arrival?: Arrival | undefined;
}>;

type Bundle = {
  readonly users: string[];
  readonly askers: string[];
  /** Of the users in order, up to the last one whose arrival is told. */
  readonly arrivals: (readonly number[] | null)[];
  /** How many of the answers come back. */
  returned: number;
  answered: Promise<readonly Uint8Array[]>;
};

/** Users a bundle: what a shard answers in less than a millisecond. */
const BUNDLE_MAX = 64;

/**
 * Asks a shard in one request for what came in within one turn of the event loop. Under load a request between gateway
 * and shard, which costs more than a score, is so shared by many; a single one does not wait.
 */
export class ScoreBundles {
  readonly #askShard: AskShard;
  readonly #open = new Map<string, Bundle>();

  constructor(askShard: AskShard) {
    this.#askShard = askShard;
  }

  /** @returns The answer's bytes; undefined if they went to the asker. */
  async ask(score: BundledScore): Promise<Uint8Array | undefined> {
    const { shard, user, aspect, type, asker, arrival } = score;
    const key = `${shard} ${aspect.map} ${aspect.top} ${type}`;
    let bundle = this.#open.get(key);
    if (bundle === undefined || bundle.users.length === BUNDLE_MAX) {
      bundle = this.#begin(key, score);
      this.#open.set(key, bundle);
    }
    const place = asker === "" ? bundle.returned++ : undefined;
    if (arrival !== undefined) {
      while (bundle.arrivals.length < bundle.users.length) bundle.arrivals.push(null);
      bundle.arrivals.push([...arrival]);
    }
    bundle.users.push(user);
    bundle.askers.push(asker);
    const answers = await bundle.answered;
    return place === undefined ? undefined : answers[place];
  }

  #begin(key: string, { shard, aspect, type }: BundledScore): Bundle {
    const users: string[] = [];
    const askers: string[] = [];
    const arrivals: Bundle["arrivals"] = [];
    const bundle: Bundle = { users, askers, arrivals, returned: 0, answered: Promise.resolve([]) };
    bundle.answered = Promise.resolve().then(() => {
      if (this.#open.get(key) === bundle) this.#open.delete(key);
      const told = arrivals.length === 0 ? {} : { arrivals };
      return this.#askShard(shard, "score", { ...aspect, users, type, askers, ...told });
    });
    return bundle;
  }
}
