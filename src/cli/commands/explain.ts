import type { Command } from "commander";
import type { ExplainReply } from "../../explain.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { CONTEXT_HELP, keyAndText } from "../context-options.ts";
import { note, print, runs } from "../output.ts";
import { drawExplanation } from "../view/draw-explanation.ts";

type Options = ClientOptions & {
  json: boolean;
  decision?: string;
  map?: string;
  segment?: string[];
  context?: Readonly<Record<string, string>>;
};

/** A replay may read millions of entries. */
const PATIENCE_MS = 60_000;
/** When a replay that is not done yet is told of. */
const TOLD_AFTER_MS = 2_000;

/** `resonance explain USER` or `--decision ID`: why an answer is what it is. */
export function addExplainCommand(program: Command): void {
  withClientOptions(program.command("explain").argument("[user]", "id of the user, as they are now"))
    .description("tell why a user gets the scores they get, or got: by feature, event and threshold")
    .option("--decision <id>", "explain an answer that was given: the `decision` in it")
    .option("--map <name>", "map of segments (default: the first one defined)")
    .option("--context <key=text>", CONTEXT_HELP, keyAndText)
    .option("--segment <names...>", "segments whose logits are taken apart, too")
    .action(
      runs(async (user: string | undefined, options: Options) => {
        const request = requestOf(user, options);
        const client = await connectClient(options, "resonance explain");
        const waiting = setTimeout(() => note("replaying the log up to the decision ..."), TOLD_AFTER_MS);
        try {
          const reply = (await client.ask("explain", request, PATIENCE_MS)) as ExplainReply;
          print(options.json, reply, () => drawExplanation(reply, process.stdout.columns ?? 100));
        } finally {
          clearTimeout(waiting);
          await client.close();
        }
      }),
    );
}

/** @throws EngineError `NOTHING_TO_EXPLAIN`. */
function requestOf(
  user: string | undefined,
  { decision, map, segment, context }: Options,
): Record<string, unknown> {
  if ((user === undefined) === (decision === undefined)) {
    const message = "name a user, or an answer with --decision ID, and not both";
    throw new EngineError({ code: "NOTHING_TO_EXPLAIN", message, retryable: false });
  }
  return {
    ...(user === undefined ? { decision } : { user }),
    ...(map === undefined ? {} : { map }),
    ...(context === undefined ? {} : { context }),
    ...(segment === undefined ? {} : { segments: segment }),
  };
}
