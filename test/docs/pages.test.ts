import { join } from "node:path";
import { afterAll, beforeAll, test } from "vitest";
import { movieLensFolder } from "../cli/import/movielens-folder.ts";
import { type Block, blocksOf } from "./markdown-blocks.ts";
import { runBlocks } from "./run-blocks.ts";
import { cleanWorkspace, type Workspace } from "./workspace.ts";

let workspace: Workspace;

beforeAll(async () => {
  workspace = await cleanWorkspace();
});
afterAll(() => workspace.remove());

test("the tutorial works from its first block to its last", async () => {
  const isReal = await movieLensFolder(join(workspace.folder, "ml-100k"));
  console.log(`the tutorial runs on ${isReal ? "MovieLens-100k" : "made-up ratings in its layout"}`);
  await runBlocks(blocksOf("docs/tutorial.md"), workspace, told);
}, 900_000);

/** So that a slow block is seen. */
function told({ page, line }: Block, seconds: number): void {
  if (seconds > 5) console.log(`${page}:${line} took ${seconds.toFixed(0)} s`);
}
