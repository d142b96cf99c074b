import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../src/cli/client.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import type { SegmentDefinitions } from "../../src/resonance/segment-map.ts";

/** Writes definitions as the file that `up --segments` takes. */
export async function definitionsFile(folder: string, definitions: SegmentDefinitions): Promise<string> {
  const maps = definitions.maps.map(({ window, ...map }) => ({
    ...map,
    window: { bucket: window.bucketMs, buckets: window.buckets },
  }));
  const path = join(folder, "segments.json");
  await writeFile(path, JSON.stringify({ maps }));
  return path;
}

/** Waits until every shard has folded its whole log, twice in a row, since a fold may cause more. */
export async function untilFolded(client: Client): Promise<StatusReply> {
  for (let quiet = 0; ; ) {
    const status = (await client.ask("status", {})) as StatusReply;
    quiet = status.ready && status.lag === 0 ? quiet + 1 : 0;
    if (quiet === 2) return status;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
