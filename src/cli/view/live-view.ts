import { setTimeout as sleep } from "node:timers/promises";
import { createLogUpdate } from "log-update";
import pc from "picocolors";
import type { LiveState } from "./live-state.ts";
import { renderLive, summariseLive } from "./render-live.ts";

const FALLBACK_COLUMNS = 80;
const FALLBACK_ROWS = 24;
const REDRAW_MS = 200;
/** Into a pipe goes a line from time to time: a log wants no pictures. */
const PIPE_LINE_MS = 5_000;

/**
 * Shows a state until it is told to stop: redrawn in place on a terminal, a line every few seconds into a pipe.
 * The last picture stays.
 *
 * @param state - Asked for before each drawing.
 * @param stream - Usually `process.stdout`.
 * @param signal - Ends the view.
 */
export async function showLiveView(
  state: () => LiveState,
  stream: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  const display = stream.isTTY === true ? onTerminal(stream) : intoPipe(stream);
  while (!signal.aborted) {
    display.draw(state());
    await sleep(display.everyMs, undefined, { signal }).catch(() => {}); // Woken by the signal: not a failure.
  }
  display.draw(state());
  display.end();
}

type Display = Readonly<{ everyMs: number; draw: (state: LiveState) => void; end: () => void }>;

function onTerminal(stream: NodeJS.WriteStream): Display {
  const update = createLogUpdate(stream);
  return {
    everyMs: REDRAW_MS,
    draw: (state) => {
      const columns = stream.columns ?? FALLBACK_COLUMNS;
      // The cursor waits on a line of its own below the picture.
      const rows = (stream.rows ?? FALLBACK_ROWS) - 1;
      update(renderLive(state, { columns, rows, color: pc.isColorSupported }).join("\n"));
    },
    end: () => update.done(),
  };
}

function intoPipe(stream: NodeJS.WriteStream): Display {
  return {
    everyMs: PIPE_LINE_MS,
    draw: (state) => {
      stream.write(`${summariseLive(state)}\n`);
    },
    end: () => {},
  };
}
