import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { Command } from "commander";
import type { ExportPage } from "../../gateway/gateway-ports.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { note, runs } from "../output.ts";

type Options = ClientOptions & { readonly out?: string };

const PATIENCE_MS = 30_000;
/** A search of long logs tells that it goes on, this often. */
const TOLD_EVERY_MS = 2_000;

/** `resonance export USER`: everything that is held of a user, as JSON lines. */
export function addExportCommand(program: Command): void {
  withClientOptions(program.command("export").argument("<user>", "id of the user"))
    .description("write everything that is held of a user as JSON lines; the last line has the counts")
    .option("--out <file>", "write to this file (default: standard output)")
    .action(
      runs(async (user: string, options: Options) => {
        const client = await connectClient(options, "resonance export");
        const out = options.out === undefined ? process.stdout : createWriteStream(options.out);
        let toldMs = performance.now();
        let lines = 0;
        try {
          for (let next: string | undefined, isFirst = true; isFirst || next !== undefined; isFirst = false) {
            const request = next === undefined ? { user } : { user, cursor: next };
            const page = (await client.ask("export", request, PATIENCE_MS)) as ExportPage;
            for (const line of page.lines) out.write(`${JSON.stringify(line)}\n`);
            lines += page.lines.length;
            next = page.next;
            if (next === undefined || performance.now() - toldMs < TOLD_EVERY_MS) continue;
            toldMs = performance.now();
            note(`${lines} lines so far, searching on ...`);
          }
          if (out !== process.stdout) {
            out.end();
            await finished(out);
            note(`${lines} lines written to ${options.out}`);
          }
        } finally {
          await client.close();
        }
      }),
    );
}
