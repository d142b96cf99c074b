// `npm run build`: the console's page, from its sources to dist/console.
import { fileURLToPath } from "node:url";
import { buildConsole } from "../adapters/console-build.ts";

await buildConsole(fileURLToPath(new URL("../..", import.meta.url)));
