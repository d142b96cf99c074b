import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { program } from "../../../src/cli/main.ts";
import { referencePages } from "./reference-pages.ts";

const ROOT = join(import.meta.dirname, "../../..");

test.for(referencePages(program))(
  "$path says what the code says: else `npm run docs:reference`",
  ({ path, content }) => {
    expect(readFileSync(join(ROOT, path), "utf8")).toBe(content);
  },
);
