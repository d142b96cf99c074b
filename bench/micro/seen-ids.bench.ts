import { bench } from "vitest";
import { assert } from "../../src/kernel/assert.ts";
import { SEEN_IDS, SeenIds } from "../../src/shards/seen-ids.ts";

/** Full scale: BENCH_SCALE=full. */
const isFull = process.env["BENCH_SCALE"] === "full";
const IDS = isFull ? 100_000 : 1_000;
/** One event in so many is sent twice. */
const REPEATED = 20;

const ids = Array.from({ length: IDS }, (_, i) => `7f3a9c-${i - (i % REPEATED === REPEATED - 1 ? 1 : 0)}`);
const fresh = ids.length - Math.floor(IDS / REPEATED);

for (const { users, name } of [
  { users: 1, name: "one busy user, the ring full" },
  { users: IDS / 10, name: "users of ten events" },
]) {
  bench(`tell repeats among ${IDS} ids: ${name}`, () => {
    assert(freshOf(users) === fresh, "every repeat is told, and nothing else");
  });
}

/** Neighbours belong to one user, so that repeats do. */
function freshOf(users: number): number {
  const perUser = IDS / users;
  let count = 0;
  for (let user = 0; user < users; user++) {
    const seen = new SeenIds();
    for (let i = user * perUser; i < (user + 1) * perUser; i++) if (seen.add(ids[i]!)) count++;
    assert(seen.size <= SEEN_IDS, "the ring is bounded");
  }
  return count;
}
