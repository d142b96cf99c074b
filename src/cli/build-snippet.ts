// `npm run build`: the script for pages, from its source to dist/snippet.
import { fileURLToPath } from "node:url";
import { buildSnippet } from "../adapters/snippet-build.ts";

await buildSnippet(fileURLToPath(new URL("../..", import.meta.url)));
