import type { Command } from "commander";
import type { ScoreReply } from "../../gateway/score.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { drawResonance } from "../view/draw-resonance.ts";

/** `resonance score USER`: the live distribution of one user. */
export function addScoreCommand(program: Command): void {
  withClientOptions(program.command("score").argument("<user>", "id of the user"))
    .description("tell how strongly a user resonates with each segment, now")
    .option("--map <name>", "map of segments (default: the first one defined)")
    .action(
      runs(async (user: string, options: ClientOptions & { json: boolean; map?: string }) => {
        const client = await connectClient(options, "resonance score");
        try {
          const request = { user, ...(options.map === undefined ? {} : { map: options.map }) };
          const reply = (await client.ask("score", request)) as ScoreReply;
          print(options.json, reply, () => drawResonance(reply));
        } finally {
          await client.close();
        }
      }),
    );
}
