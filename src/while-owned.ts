import type { Lease, UnitCopy } from "./actors/unit-copy.ts";

/**
 * A copy with a duty of whoever owns its unit. A lease that is renewed, or another one, begins the duty anew, after its
 * round under way has ended; the copy is stopped only after that, too, since a round may read the store.
 *
 * @param duty - Rounds until `goesOn` tells that they are another owner's, or nobody's. Never throws.
 */
export function whileOwned(
  copy: UnitCopy,
  duty: (lease: Lease, goesOn: () => boolean) => Promise<void>,
): UnitCopy {
  let turn = 0;
  let running: Promise<void> = Promise.resolve();
  return {
    done: copy.done,
    async own(lease) {
      await copy.own(lease);
      const mine = ++turn;
      running = running.then(() => duty(lease, () => turn === mine));
    },
    drain: () => copy.drain(),
    async rest() {
      turn++;
      await copy.rest();
    },
    lag: () => copy.lag(),
    async stop() {
      turn++;
      await running;
      await copy.stop();
    },
  };
}
