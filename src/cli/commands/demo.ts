import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { durationMs, wholeNumber } from "../client-options.ts";
import { type DemoResult, type DemoScene, runDemo } from "../demo/run-demo.ts";
import { showDemo } from "../demo/show-demo.ts";
import { note, print, runs } from "../output.ts";
import { stopSignal } from "../stop-signal.ts";

/** `resonance demo`: a node, a simulated shop, and what the engine makes of it. */
export function addDemoCommand(program: Command): void {
  program
    .command("demo")
    .description("run a node with a simulated shop and show how visitors resonate, until Ctrl-C")
    .option("--for <duration>", "end by itself after this time, such as 20s", durationMs)
    .option("--visitors <n>", "visitors of the shop", wholeNumber(10), 4_000)
    .option("--rate <n>", "events a second", wholeNumber(1), 2_000)
    .option("--seed <n>", "the same seed simulates the same shop", wholeNumber(0), 1)
    .option("--nats <urls>", "NATS servers to use (default: find or fetch one and run it)")
    .option("--no-console", "do not serve the console: the page to watch the node by")
    .option("--json", "print one JSON object at the end instead of the live view", false)
    .action(
      runs(
        async (given: {
          for?: number;
          visitors: number;
          rate: number;
          seed: number;
          nats?: string;
          console: boolean;
          json: boolean;
        }) => {
          const options = {
            seed: given.seed,
            visitors: given.visitors,
            eventsPerSecond: given.rate,
            hasConsole: given.console,
            ...(given.nats === undefined ? {} : { nats: given.nats }),
          };
          const live = !given.json && process.stdout.isTTY === true;
          const until = async (scene: DemoScene): Promise<void> => {
            const ends = new AbortController();
            const ended =
              given.for === undefined ? stopSignal() : Promise.race([stopSignal(), sleep(given.for)]);
            void ended.then(() => ends.abort());
            if (live) await showDemo(scene, ends.signal);
            else {
              note(`the shop is open: ${given.rate} events/s from ${given.visitors} visitors`);
              for (const line of consoleLines(scene)) note(line);
            }
            await ended;
          };
          const result = await runDemo(options, live ? () => {} : note, until);
          print(given.json, result, () => drawResult(result));
        },
      ),
    );
}

/** Where to look, so that nobody misses it. */
function consoleLines({ console }: DemoScene): string[] {
  if (console === undefined) return [];
  return [
    `watch visitors move: ${console.url}`,
    `to act there, too, sign in with this demo's operator key: ${console.operatorKey}`,
  ];
}

function drawResult(result: DemoResult): string[] {
  const percent = (share: number | null): string => (share === null ? "-" : `${(share * 100).toFixed(1)} %`);
  const ms = (value: number | null): string => (value === null ? "-" : `${value.toFixed(1)} ms`);
  return [
    `${result.events} events, ${result.eventsPerSecond} a second`,
    `strongest segment right for ${percent(result.accuracy)} of ${result.visitors} anonymous visitors (always the most frequent: ${percent(result.chance)})`,
    `score p50 ${ms(result.scoreLatencyMs.p50)}, p99 ${ms(result.scoreLatencyMs.p99)} · click to new score p50 ${ms(result.visibleLatencyMs.p50)}, p99 ${ms(result.visibleLatencyMs.p99)}`,
    `nats-server ${result.nats.version} (${result.nats.source}) · encoder ${result.encoder.version.slice(0, 12)}${result.encoder.trained ? "" : " (untrained)"}`,
  ];
}
