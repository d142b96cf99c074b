import { rehash32 } from "../../kernel/hash.ts";
import type { Random } from "../../kernel/random.ts";
import type { Corpus } from "../corpus.ts";
import type { View } from "./sequence-batch.ts";

const ORDER_SALT = 0x6f726465;

/** The users in the order of an epoch. */
export function epochOrder(users: Uint32Array, epoch: number, seed: number): Uint32Array {
  const salt = rehash32(epoch, ORDER_SALT ^ seed);
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
