import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { createLogUpdate } from "log-update";
import pc from "picocolors";
import { type ClientOptions, connectClient } from "../client.ts";
import { durationMs, withClientOptions } from "../client-options.ts";
import { print, runs } from "../output.ts";
import { stopSignal } from "../stop-signal.ts";
import { collectTop, type TopCollector } from "../top/collect-top.ts";
import { TopRates } from "../top/top-rates.ts";
import { TOP_ORDERS, type TopState } from "../top/top-state.ts";
import { renderTop, type TopLook } from "../view/render-top.ts";

type Options = ClientOptions & Readonly<{ json: boolean; once: boolean; every: number }>;

const EVERY_MS = 1_000;
const COLUMNS = 80;
const ROWS = 24;
const CONTROL_C = "\u0003";

/** `resonance top`: what a deployment does, as it does it. */
export function addTopCommand(program: Command): void {
  withClientOptions(program.command("top"))
    .description("watch nodes, shards, rates, lag, latencies, segments and refusals, until q or Ctrl-C")
    .option("--once", "look twice, print what is between, and end", false)
    .option("--every <duration>", "time between two looks", durationMs, EVERY_MS)
    .addHelpText(
      "after",
      "\nKeys: q ends, p pauses, s sorts by lag, rate or name. With --json it prints an object a line for each look.\nRates of requests are an operator's to see; of refusals it tells what the gateways that answered have counted.",
    )
    .action(
      runs(async (options: Options) => {
        const client = await connectClient(options, "resonance top");
        const collector = await collectTop(client, client.access);
        try {
          if (options.once) await showOnce(collector, options);
          else if (options.json || process.stdout.isTTY !== true) await showLines(collector, options);
          else await showLive(collector, options);
        } finally {
          await collector.close();
          await client.close();
        }
      }),
    );
}

async function showOnce(collector: TopCollector, { json, every }: Options): Promise<void> {
  const rates = new TopRates();
  rates.add(await collector.look());
  await sleep(every);
  const state = rates.add(await collector.look());
  print(json, state, () => linesOf(state));
}

/** For programs and pipes: what is said once stays said. */
async function showLines(collector: TopCollector, { json, every }: Options): Promise<void> {
  const rates = new TopRates();
  const stopped = stopSignal();
  for (;;) {
    const state = rates.add(await collector.look());
    print(json, state, () => [...linesOf(state), ""]);
    if ((await Promise.race([sleep(every), stopped])) === "stopped") return;
  }
}

function linesOf(state: TopState): string[] {
  const look: TopLook = { order: "lag", isPaused: false, isLive: false };
  const columns = process.stdout.columns ?? COLUMNS;
  return renderTop(state, look, { columns, rows: Number.MAX_SAFE_INTEGER, color: pc.isColorSupported });
}

async function showLive(collector: TopCollector, { every }: Options): Promise<void> {
  const update = createLogUpdate(process.stdout);
  const rates = new TopRates();
  const ended = Promise.withResolvers<"stopped">();
  let look: TopLook = { order: "lag", isPaused: false, isLive: true };
  let shown: TopState | undefined;
  const draw = (): void => {
    if (shown === undefined) return;
    const { columns = COLUMNS, rows = ROWS } = process.stdout;
    // The cursor waits on a line of its own below the picture.
    update(renderTop(shown, look, { columns, rows: rows - 1, color: pc.isColorSupported }).join("\n"));
  };
  const closeKeys = onKeys((key) => {
    if (key === "q" || key === CONTROL_C) ended.resolve("stopped");
    look = afterKey(look, key);
    draw();
  });
  process.stdout.on("resize", draw);
  const stopped = Promise.race([stopSignal(), ended.promise]);
  try {
    do {
      const state = rates.add(await collector.look());
      if (!look.isPaused) shown = state;
      draw();
    } while ((await Promise.race([sleep(every), stopped])) !== "stopped");
  } finally {
    process.stdout.off("resize", draw);
    closeKeys();
    update.done();
  }
}

/** How the picture is wanted after a key. */
export function afterKey(look: TopLook, key: string): TopLook {
  if (key === "p") return { ...look, isPaused: !look.isPaused };
  if (key !== "s") return look;
  const next = TOP_ORDERS[(TOP_ORDERS.indexOf(look.order) + 1) % TOP_ORDERS.length];
  return { ...look, order: next ?? look.order };
}

/** Hears single keys, as long as a terminal is there. */
function onKeys(heard: (key: string) => void): () => void {
  const { stdin } = process;
  if (stdin.isTTY !== true) return () => {};
  const hear = (bytes: Buffer): void => heard(bytes.toString());
  stdin.setRawMode(true).resume().on("data", hear);
  return () => {
    stdin.off("data", hear).setRawMode(false).pause();
  };
}
