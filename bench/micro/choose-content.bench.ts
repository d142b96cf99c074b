import { bench, describe } from "vitest";
import { ContentChooser } from "../../src/content/content-chooser.ts";
import { ContentRates } from "../../src/content/content-rates.ts";
import { POLICIES } from "../../src/content/policy.ts";
import { rateTable } from "../../src/content/rate-table.ts";
import { WorthPool } from "../../src/content/worth-pool.ts";
import { softmaxInPlace } from "../../src/embedding/softmax.ts";
import { assert } from "../../src/kernel/assert.ts";
import { gaussian, seededRandom } from "../../src/kernel/random.ts";
import { sampleBeta } from "../../src/kernel/sample-gamma.ts";

const DECISIONS = process.env["BENCH_SCALE"] === "full" ? 20_000 : 200;
const USERS = 64;

for (const [segments, contents] of [
  [8, 12],
  [64, 12],
  [64, 64],
] as const) {
  for (const shown of [0, 1_000]) {
    const known = `${shown} impressions a cell`;
    describe(`choose ${DECISIONS} times, ${segments} segments, ${contents} contents, ${known}`, () => {
      const random = seededRandom(42);
      const names = (count: number, letter: string) => Array.from({ length: count }, (_, i) => letter + i);
      const table = rateTable(new ContentRates(), {
        placement: "bench",
        segments: names(segments, "s"),
        contents: names(contents, "c"),
        atMs: 0,
        timeoutMs: 1_800_000,
      });
      for (let at = 0; at < table.a.length; at++) {
        const rate = sampleBeta(1, 9, random);
        table.a[at]! += shown * rate;
        table.b[at]! += shown * (1 - rate);
      }
      const posteriors = Array.from({ length: USERS }, () => {
        const posterior = Float64Array.from({ length: segments + 1 }, () => 2 * gaussian(random));
        softmaxInPlace(posterior);
        return posterior;
      });
      const chooser = new ContentChooser();
      const request = {
        pool: new WorthPool(table, { seed: 1, purchaseWeight: 0 }),
        policy: POLICIES.mixture,
        floor: 0.02,
        posterior: posteriors[0]!,
        prior: posteriors[0]!,
        eligible: Uint16Array.from({ length: contents }, (_, c) => c),
        eligibleCount: contents,
        number: 0,
      };
      const out = { content: 0, propensity: 0 };
      const expected = chooseAll();

      bench("mixture", () => {
        assert(chooseAll() === expected, "it chooses what it did");
      });

      function chooseAll(): number {
        let sum = 0;
        for (let n = 0; n < DECISIONS; n++) {
          request.number = n;
          request.posterior = posteriors[n % USERS]!;
          chooser.choose(request, out);
          sum += out.propensity + out.content;
        }
        return sum;
      }
    });
  }
}
