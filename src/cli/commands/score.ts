import type { Command } from "commander";
import type { ScoreReply } from "../../gateway/score.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { CONTEXT_HELP, keyAndText } from "../context-options.ts";
import { print, runs } from "../output.ts";
import { drawResonance } from "../view/draw-resonance.ts";

/** `resonance score USER`: the live distribution of one user. */
export function addScoreCommand(program: Command): void {
  withClientOptions(program.command("score").argument("<user>", "id of the user"))
    .description("tell how strongly a user resonates with each segment, now")
    .option("--map <name>", "map of segments (default: the first one defined)")
    .option("--context <key=text>", CONTEXT_HELP, keyAndText)
    .action(
      runs(async (user: string, options: ScoreOptions) => {
        const client = await connectClient(options, "resonance score");
        try {
          const { map, context } = options;
          const request = {
            user,
            ...(map === undefined ? {} : { map }),
            ...(context === undefined ? {} : { context }),
          };
          const reply = (await client.ask("score", request)) as ScoreReply;
          print(options.json, reply, () => drawResonance(reply));
        } finally {
          await client.close();
        }
      }),
    );
}

type ScoreOptions = ClientOptions & {
  json: boolean;
  map?: string;
  context?: Readonly<Record<string, string>>;
};
