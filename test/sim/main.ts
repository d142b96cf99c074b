import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { Command, InvalidArgumentError } from "commander";
import { PLANTED_BUGS } from "./planted-bugs.ts";
import { runSeed } from "./run-seed.ts";

type Options = Readonly<{
  seeds: number;
  from: number;
  seed?: number;
  bugs: boolean;
  trace: boolean;
  within: number;
}>;
type Job = Readonly<{ from: number; count: number; step: number; bug?: string }>;
type Told = Readonly<{
  seed: number;
  findings: readonly string[];
  unanswered: number;
  scores: number;
  steps: number;
}>;

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("a whole number, please");
  return Number(text);
};

/** `npm run test:sim`: many seeds, on all cores; or one, told in full; or the planted bugs, each of which must be found. */
const options = new Command("test:sim")
  .description("simulate clusters under faults, deterministically, and judge each by an oracle")
  .option("--seeds <n>", "how many seeds", whole, 100)
  .option("--from <n>", "the first one", whole, 1)
  .option("--seed <n>", "run this one alone, twice, and compare the two")
  .option("--trace", "print everything that happens in it", false)
  .option("--bugs", "plant each known bug and show that it is found", false)
  .option("--within <n>", "seeds in which a planted bug must be found", whole, 200)
  .parse()
  .opts<Options>();

if (process.send !== undefined) {
  process.on("message", (job: Job) => void work(job));
} else if (options.seed !== undefined) await one(Number(options.seed));
else if (options.bugs) await bugs();
else await seeds();

async function one(seed: number): Promise<void> {
  const first = await runSeed(seed);
  const second = await runSeed(seed);
  if (options.trace) for (const line of first.lines) process.stdout.write(`${line}\n`);
  for (const finding of first.findings) process.stdout.write(`${finding}\n`);
  const isSame = first.digest === second.digest;
  const { virtualMs, steps, acknowledged, scores, unanswered } = first;
  const told = {
    seed,
    failed: first.findings.length,
    isSame,
    virtualMs,
    steps,
    acknowledged,
    scores,
    unanswered,
  };
  process.stdout.write(`${JSON.stringify(told)}\n`);
  process.exit(first.findings.length === 0 && isSame ? 0 : 1);
}

async function seeds(): Promise<void> {
  const failed: number[] = [];
  let done = 0;
  let unanswered = 0;
  let scores = 0;
  let steps = 0;
  const beganMs = performance.now();
  await onAllCores(options.from, options.seeds, undefined, (told) => {
    done++;
    unanswered += told.unanswered;
    scores += told.scores;
    steps += told.steps;
    if (told.findings.length > 0) {
      failed.push(told.seed);
      process.stderr.write(
        `\nseed ${told.seed} failed; replay: npm run test:sim -- --seed ${told.seed} --trace\n`,
      );
      for (const finding of told.findings.slice(0, 5)) process.stderr.write(`  ${finding}\n`);
    }
    if (done % 10 === 0)
      process.stderr.write(`\r${done} of ${options.seeds} seeds, ${failed.length} failed `);
    return true;
  });
  process.stderr.write("\n");
  const seconds = Math.round((performance.now() - beganMs) / 1_000);
  process.stdout.write(
    `${JSON.stringify({ seeds: done, failed: failed.length, failing: failed, scores, unanswered, steps, seconds })}\n`,
  );
  process.exit(failed.length === 0 ? 0 : 1);
}

async function bugs(): Promise<void> {
  let missed = 0;
  const found: Record<string, number | null> = {};
  for (const { name } of PLANTED_BUGS) {
    let caught: Told | undefined;
    await onAllCores(options.from, options.within, name, (told) => {
      if (told.findings.length > 0 && (caught === undefined || told.seed < caught.seed)) caught = told;
      return caught === undefined;
    });
    found[name] = caught === undefined ? null : caught.seed - options.from + 1;
    if (caught === undefined) missed++;
    process.stderr.write(
      caught === undefined
        ? `MISSED within ${options.within} seeds: ${name}\n`
        : `found by seed ${caught.seed}: ${name}\n    ${caught.findings[0]}\n`,
    );
  }
  process.stdout.write(`${JSON.stringify({ bugs: PLANTED_BUGS.length, missed, found })}\n`);
  process.exit(missed === 0 ? 0 : 1);
}

/** Deals the seeds out to as many processes as there are cores, until `take` says that it is enough. */
async function onAllCores(
  from: number,
  count: number,
  bug: string | undefined,
  take: (told: Told) => boolean,
): Promise<void> {
  const workers = Math.min(availableParallelism(), count);
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      const child = fork(new URL(import.meta.url), [], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
      const ended = Promise.withResolvers<void>();
      child.on("message", (told: Told | "done") => {
        if (told === "done" || !take(told)) child.kill("SIGKILL");
      });
      child.on("exit", () => ended.resolve());
      const share = Math.ceil((count - worker) / workers);
      child.send({
        from: from + worker,
        count: share,
        step: workers,
        ...(bug === undefined ? {} : { bug }),
      } satisfies Job);
      await ended.promise;
    }),
  );
}

async function work(job: Job): Promise<void> {
  const bug = PLANTED_BUGS.find(({ name }) => name === job.bug);
  for (let i = 0; i < job.count; i++) {
    const { seed, findings, unanswered, scores, steps } = await runSeed(job.from + i * job.step, bug);
    process.send?.({ seed, findings, unanswered, scores, steps } satisfies Told);
  }
  process.send?.("done");
}
