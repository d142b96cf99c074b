import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { EngineError } from "../../kernel/engine-error.ts";
import { type ClientOptions, connectClient } from "../client.ts";
import { durationMs, withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";

type Options = ClientOptions & Readonly<{ json: boolean; timeout: number }>;

const PATIENCE_MS = 10_000;

/** `resonance request SUBJECT BODY`: one question as any NATS client would ask it. */
export function addRequestCommand(program: Command): void {
  withClientOptions(
    program
      .command("request")
      .argument("<subject>", "a public subject, such as resonance.v1.score; what is behind `v1.` will do")
      .argument("[body]", "JSON; `-` reads it from standard input (default: an empty object)"),
  )
    .description("send a request to a public subject, and print the answer as JSON")
    .option(
      "--timeout <duration>",
      "how long to wait for the answer, such as 500ms or 10s",
      durationMs,
      PATIENCE_MS,
    )
    .action(
      runs(async (subject: string, body: string | undefined, options: Options) => {
        const given = parsedBody(body === "-" ? await text(process.stdin) : (body ?? "{}"));
        const client = await connectClient(options, "resonance request");
        try {
          const endpoint = endpointOf(subject, options.prefix);
          const reply = await client.ask(endpoint, given, options.timeout);
          print(options.json, reply, () => [JSON.stringify(reply, null, 2)]);
        } finally {
          await client.close();
        }
      }),
    );
}

/** The name behind `<prefix>.v1.`, of a whole subject or of that name itself. */
function endpointOf(subject: string, prefix: string): string {
  const api = `${prefix}.v1.`;
  return subject.startsWith(api) ? subject.slice(api.length) : subject;
}

function parsedBody(given: string): unknown {
  try {
    return JSON.parse(given);
  } catch (cause) {
    const message = "the body is no JSON: put it into single quotes, so that the shell leaves it as it is";
    throw new EngineError({ code: "BAD_BODY", message, retryable: false, cause });
  }
}
