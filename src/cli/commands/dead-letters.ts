import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { newId } from "../../adapters/entropy.ts";
import { natsBlobStore } from "../../adapters/nats-blob-store.ts";
import { connectNats } from "../../adapters/nats-connection.ts";
import { keptMessages } from "../../adapters/nats-dead-letters.ts";
import { NatsLog } from "../../adapters/nats-log.ts";
import { deadLettersOf } from "../../dead-letters.ts";
import { readDeployment } from "../../deployment.ts";
import type { LogEntry } from "../../events/log-entry.ts";
import { subjectsOf } from "../../events/subjects.ts";
import type { DeadLetters, ShownLetter } from "../../gateway/dead-letters.ts";
import { EngineError } from "../../kernel/engine-error.ts";
import { type ClientOptions, engineAccess } from "../client.ts";
import { wholeNumber, withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { withoutControls } from "../view/cell-width.ts";
import { renderTable } from "../view/table.ts";

type Options = ClientOptions & { readonly json: boolean };
type Chosen = Options & { readonly all: boolean; readonly dryRun: boolean };

const ALL_MAX = 100_000;

/** `resonance dead-letters`: entries that could not be folded, to be looked at, tried again or dropped. */
export function addDeadLettersCommand(program: Command): void {
  const command = program
    .command("dead-letters")
    .description("look at entries that could not be folded, try them again, or drop them");
  withClientOptions(command.command("list"))
    .description("list them, oldest first")
    .option("--limit <n>", "at most so many", wholeNumber(1), 50)
    .action(
      runs(async (options: Options & { limit: number }) =>
        withLetters(options, async (kept) => {
          const letters = await kept.list(options.limit);
          print(options.json, { letters }, () => draw(letters));
        }),
      ),
    );
  withClientOptions(command.command("show").argument("<id>", "as `list` tells it", wholeNumber(1)))
    .description("show one, with its entry")
    .action(
      runs(async (id: number, options: Options) =>
        withLetters(options, async (letters) => {
          const letter = await letters.show(id);
          print(options.json, letter, () => [JSON.stringify(letter, null, 2)]);
        }),
      ),
    );
  withChoice(command.command("retry"))
    .description("append their entries to their logs again, to be folded anew, and drop the letters")
    .action(
      runs(async (ids: number[], options: Chosen) =>
        withLetters(options, async (letters) => {
          const retried = await eachChosen(letters, ids, options, (id) => letters.retry(id));
          print(options.json, { retried, dryRun: options.dryRun }, () => [
            told("tried again", retried, options),
          ]);
        }),
      ),
    );
  withChoice(command.command("drop"))
    .description("forget them")
    .action(
      runs(async (ids: number[], options: Chosen) =>
        withLetters(options, async (letters) => {
          const dropped = await eachChosen(letters, ids, options, (id) => letters.drop(id));
          print(options.json, { dropped, dryRun: options.dryRun }, () => [told("dropped", dropped, options)]);
        }),
      ),
    );
}

function withChoice(command: Command): Command {
  const parse = (text: string, before: number[] = []): number[] => {
    const id = Number(text);
    if (!Number.isInteger(id) || id < 1) throw new InvalidArgumentError("ids as `list` tells them, please");
    return [...before, id];
  };
  return withClientOptions(command.argument("[ids...]", "as `list` tells them", parse))
    .option("--all", "all that are there", false)
    .option("--dry-run", "only tell which", false);
}

async function withLetters(
  options: ClientOptions,
  act: (letters: DeadLetters) => Promise<void>,
): Promise<void> {
  const connection = await connectNats({ ...(await engineAccess(options)), name: "resonance dead-letters" });
  try {
    const blobs = await natsBlobStore(connection, subjectsOf(options.prefix));
    const { shards, generation } = (await readDeployment(blobs)) ?? { shards: 1, generation: 1 };
    const subjects = subjectsOf(options.prefix, generation);
    const kept = await keptMessages(connection, subjects.deadLetters);
    const log = await NatsLog.over(connection);
    await act(deadLettersOf({ kept, log, subjects, newId }, shards));
  } finally {
    await connection.close();
  }
}

async function eachChosen(
  letters: DeadLetters,
  ids: readonly number[],
  options: Chosen,
  act: (id: number) => Promise<void>,
): Promise<number[]> {
  if (options.all === ids.length > 0) {
    const message = "name the letters by their ids, or say --all";
    throw new EngineError({ code: "NO_LETTER_NAMED", message, retryable: false });
  }
  const chosen = options.all ? (await letters.list(ALL_MAX)).map(({ id }) => id) : ids;
  for (const id of chosen) {
    if (options.dryRun) await letters.show(id);
    else await act(id);
  }
  return [...chosen];
}

function draw(letters: readonly ShownLetter[]): string[] {
  if (letters.length === 0) return ["no dead letters"];
  const columns = ["id", "at", "shard", "entry", "code", "reason", "stack", "what"];
  return renderTable(
    columns.map(
      (title) => ({ title, align: ["id", "shard", "entry"].includes(title) ? "right" : "left" }) as const,
    ),
    letters.map((letter) => [
      String(letter.id),
      letter.at,
      String(letter.shard),
      String(letter.sequence),
      letter.code,
      withoutControls(letter.reason),
      letter.stack,
      withoutControls(entryInShort(letter.entry)),
    ]),
    process.stdout.columns ?? 140,
  );
}

function told(done: string, ids: readonly number[], { dryRun }: Chosen): string {
  return `${dryRun ? "would be " : ""}${done}: ${ids.join(", ") || "none"}`;
}

/** Who did what, in a few words. */
function entryInShort(entry: LogEntry | undefined): string {
  if (entry === undefined) return "unreadable";
  return entry.kind === "behaviour" ? `${entry.type} by ${entry.user}` : entry.kind;
}
