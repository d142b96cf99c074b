import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { openSource } from "../../../src/cli/import/import-source.ts";
import { MOVIELENS } from "../../../src/cli/import/movielens.ts";
import { runImport } from "../../../src/cli/import/run-import.ts";
import { eventsIn, labelsIn } from "./imported-files.ts";
import { hasRealMovieLens, movieLensFolder } from "./movielens-folder.ts";

const REAL = join(import.meta.dirname, "../../../../shared/data/ml-100k");

test.skipIf(!hasRealMovieLens())(
  "all 100,000 ratings of MovieLens-100k come through with their genres",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "resonance-movielens-"));
    try {
      await movieLensFolder(join(folder, "ml-100k"));
      const source = await openSource(folder);
      const report = await runImport(
        MOVIELENS,
        source,
        { out: folder, identify: 0, labelBuyers: false, nowMs: 1.8e12 },
        () => {},
      );
      const bare = (text: string) =>
        text
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .map(({ user, ts, item, value, categories }) =>
            JSON.stringify({ user, ts, item, value, categories }),
          )
          .sort();
      const real = bare(gunzipSync(await readFile(`${REAL}.events.jsonl.gz`)).toString());
      const found = await eventsIn(report.files.events);
      expect(report.refused).toEqual({});
      expect(bare(found.map((event) => JSON.stringify(event)).join("\n"))).toEqual(real);
      expect(Object.keys(await labelsIn(report.files.users ?? ""))).toHaveLength(943);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
