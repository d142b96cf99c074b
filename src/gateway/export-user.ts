import { fieldsOf, refused } from "../events/request-body.ts";
import { shardOf } from "../kernel/hash.ts";
import { userOf } from "../resonance/score-request.ts";
import type { AskShard } from "./ask-shard.ts";
import type { ExportPage, GatewayOptions, GatewayPorts } from "./gateway-ports.ts";

/** Cursors are about a hundred letters long. */
const CURSOR_MAX = 4_096;

/**
 * `export`: everything that is held of a user, a page of lines at a time. `{user}` asks for the first page, `{user, cursor}` with
 * `next` of a page for the one behind it.
 *
 * @throws EngineError `BAD_CURSOR`, and the code of what is wrong with the request.
 */
export async function exportUser(
  ports: Pick<GatewayPorts, "exportPage"> & Readonly<{ askShard: AskShard }>,
  { shards }: GatewayOptions,
  body: unknown,
): Promise<ExportPage> {
  const { user: given, cursor } = fieldsOf(body, ["user", "cursor"]);
  const user = userOf(given);
  const shard = shardOf(user, shards);
  const about = { user, shard };
  if (cursor === undefined) {
    const [held = new Uint8Array()] = await ports.askShard(shard, "holding", { user });
    return ports.exportPage({ ...about, held });
  }
  if (typeof cursor !== "string") throw refused({ code: "WRONG_TYPE", message: "cursor must be a text" });
  if (cursor.length > CURSOR_MAX)
    throw refused({ code: "BAD_CURSOR", message: `a cursor has at most ${CURSOR_MAX} letters` });
  return ports.exportPage({ ...about, cursor });
}
