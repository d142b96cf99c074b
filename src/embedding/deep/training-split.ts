import { hash32, rehash32 } from "../../kernel/hash.ts";
import type { Random } from "../../kernel/random.ts";
import type { Corpus } from "../corpus.ts";
import type { View } from "./sequence-batch.ts";

/** Whom a network learns from, and whose loss tells it when to stop. */
export type TrainingSplit = Readonly<{ learning: Uint32Array; stopping: Uint32Array }>;

const SALT = { stop: 0x73746f70, order: 0x6f726465 } as const;
/** One in eight stops the training. */
const STOPPING = 8;

/** Parts the users of all folds but one, by the hash of the id. */
export function splitForTraining(corpus: Corpus, leftOut: number, seed: number): TrainingSplit {
  const users = Uint32Array.from(corpus.foldOf.keys()).filter((u) => corpus.foldOf[u] !== leftOut);
  const stops = (u: number): boolean =>
    rehash32(hash32(corpus.userIds[u] ?? ""), SALT.stop ^ seed) % STOPPING === 0;
  return { learning: users.filter((u) => !stops(u)), stopping: users.filter(stops) };
}

/** The users in the order of an epoch. */
export function epochOrder(users: Uint32Array, epoch: number, seed: number): Uint32Array {
  const salt = rehash32(epoch, SALT.order ^ seed);
  return users.toSorted((a, b) => rehash32(a, salt) - rehash32(b, salt) || a - b);
}

/** A user's history, whole half of the time, else cut short at one of its samples. */
export function randomView(corpus: Corpus, user: number, random: Random): View {
  const { samplesAt } = corpus;
  const [first, last] = [samplesAt[user]!, samplesAt[user + 1]! - 1];
  const isWhole = first === last || random() < 0.5;
  return viewOf(corpus, user, isWhole ? last : first + Math.floor(random() * (last - first)));
}

/** A sample of the corpus as a view. */
export function viewOf({ eventsAt, sampleEnd }: Corpus, user: number, sample: number): View {
  return { user, from: eventsAt[user]!, to: sampleEnd[sample]!, sample };
}

/** Two parts of a user's history that share no event, the earlier first; none for a user of one event. */
export function twoSlices({ eventsAt }: Corpus, user: number, random: Random): [View, View] | undefined {
  const [from, to] = [eventsAt[user]!, eventsAt[user + 1]!];
  if (to - from < 2) return undefined;
  const cut = from + 1 + Math.floor(random() * (to - from - 1));
  return [
    { user, from, to: cut, sample: -1 },
    { user, from: cut, to, sample: -1 },
  ];
}
