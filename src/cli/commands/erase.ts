import type { Command } from "commander";
import { systemClock } from "../../adapters/system-clock.ts";
import type { EraseReply } from "../../gateway/erase.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { type Client, type ClientOptions, connectClient } from "../client.ts";
import { wholeNumber, withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { formatSpan } from "../view/format-number.ts";
import { progressLine } from "../view/progress-line.ts";

/** How long one request waits, and how long its answer may take beyond that. */
const WAIT_MS = 1_000;
const ANSWER_MS = 15_000;
const STEPS: readonly EraseReply["state"][] = ["asked", "erasing", "done"];

/** `resonance erase USER`: everything that is held of a user goes, and the proof of that comes back. */
export function addEraseCommand(program: Command): void {
  withClientOptions(program.command("erase").argument("[user]", "id of the user"))
    .description("erase everything that is held of a user, and print the proof of it")
    .option("--erasure <id>", "tell how far this erasure is, instead")
    .option("--timeout <seconds>", "patience; the erasure goes on beyond it", wholeNumber(1), 120)
    .action(
      runs(async (user: string | undefined, options: EraseOptions) => {
        const client = await connectClient(options, "resonance erase");
        try {
          const reply = await follow(client, askedFor(user, options.erasure), options);
          print(options.json, reply, () => draw(reply));
        } finally {
          await client.close();
        }
      }),
    );
}

type EraseOptions = ClientOptions & { json: boolean; erasure?: string; timeout: number };

function askedFor(
  user: string | undefined,
  erasure: string | undefined,
): { user: string } | { erasure: string } {
  if (user !== undefined && erasure === undefined) return { user };
  if (user === undefined && erasure !== undefined) return { erasure };
  const message = "name a user, or an erasure with --erasure";
  throw new EngineError({ code: "OPTION_MISSING", message, retryable: false });
}

async function follow(
  client: Client,
  asked: { user: string } | { erasure: string },
  { json, timeout }: EraseOptions,
): Promise<EraseReply> {
  const output = json ? { write: () => true } : process.stderr;
  const line = progressLine({ label: "erasing", unit: "steps", output, clock: systemClock });
  const deadlineMs = systemClock.monotonicMs() + timeout * 1_000;
  let reply = (await client.ask("erase", { ...asked, waitMs: WAIT_MS }, ANSWER_MS)) as EraseReply;
  for (; reply.state !== "done" && systemClock.monotonicMs() < deadlineMs; ) {
    const step = STEPS.indexOf(reply.state) + 1;
    line.update(step, step / STEPS.length);
    const again = { erasure: reply.erasure, waitMs: WAIT_MS };
    reply = (await client.ask("erase", again, ANSWER_MS)) as EraseReply;
  }
  if (!json && reply.state === "done") {
    line.update(STEPS.length, 1);
    line.end();
  }
  return reply;
}

function draw({ erasure, state, askedMs, doneMs, removed, together = 1, verified }: EraseReply): string[] {
  if (state !== "done" || removed === undefined)
    return [`erasure ${erasure} goes on: ask again with --erasure ${erasure}`];
  const { contexts, events, entries, samples, messages, snapshots, shardSnapshots } = removed;
  const took = askedMs === undefined || doneMs === undefined ? "" : ` in ${formatSpan(doneMs - askedMs)}`;
  const of = together > 1 ? ` (of ${together} erasures together)` : "";
  return [
    `erasure ${erasure} is done${took}, ${verified === true ? "verified" : "NOT verified: erase once more"}`,
    `contexts ${contexts}, with ${events} acts`,
    `log entries ${entries} in ${messages.log} messages, samples ${samples} in ${messages.samples} messages`,
    `decisions ${messages.decisions}, transitions ${messages.transitions}, dead letters ${messages.deadLetters} messages${of}`,
    `blobs of snapshots replaced ${snapshots + shardSnapshots}${of}`,
  ];
}
