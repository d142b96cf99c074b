import { join } from "node:path";
import { expect, test } from "vitest";
import { movieLensFolder } from "../cli/import/movielens-folder.ts";
import { type Block, blocksOf } from "./markdown-blocks.ts";
import { runBlocks } from "./run-blocks.ts";
import { cleanWorkspace, type Workspace } from "./workspace.ts";

const TIMEOUT_MS = 900_000;

test(
  "README.md: every block runs in a fresh checkout, or says why not",
  async () => {
    await runPage("README.md");
  },
  TIMEOUT_MS,
);

test(
  "the tutorial works from its first block to its last",
  async () => {
    await runPage("docs/tutorial.md", async ({ folder }) => {
      const isReal = await movieLensFolder(join(folder, "ml-100k"));
      console.log(`the tutorial runs on ${isReal ? "MovieLens-100k" : "made-up ratings in its layout"}`);
    });
  },
  TIMEOUT_MS,
);

test(
  "the failure drills end as they say",
  async () => {
    await runPage("docs/drills.md");
  },
  TIMEOUT_MS,
);

test("what is not run on these pages is little, and has a reason", () => {
  const left = ["README.md", "docs/tutorial.md", "docs/drills.md"].flatMap((page) =>
    blocksOf(page).flatMap(({ note }) => (note.kind === "not run" ? [note.reason] : [])),
  );
  expect(left.length).toBeLessThanOrEqual(3);
  for (const reason of left) expect(reason).toMatch(/needs|bring/);
});

/** Runs a page in a checkout of its own. */
async function runPage(
  page: string,
  prepare: (workspace: Workspace) => Promise<void> = async () => {},
): Promise<void> {
  const workspace = await cleanWorkspace();
  try {
    await prepare(workspace);
    await runBlocks(blocksOf(page), workspace, told);
  } finally {
    await workspace.remove();
  }
}

/** So that a slow block is seen. */
function told({ page, line }: Block, seconds: number): void {
  if (seconds > 5) console.log(`${page}:${line} took ${seconds.toFixed(0)} s`);
}
