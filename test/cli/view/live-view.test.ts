import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import type { LiveState } from "../../../src/cli/view/live-state.ts";
import { showLiveView } from "../../../src/cli/view/live-view.ts";

const STATE: LiveState = {
  title: "resonance demo",
  runningMs: 1_000,
  eventTimeMs: null,
  throughput: [],
  accepted: 10,
  refused: 0,
  latencies: [],
  accuracy: null,
  versions: null,
  visitors: [],
  transitions: [],
};

/** Runs the view until the state was asked for twice, and returns what was written. */
async function written(terminal: { isTTY: boolean; columns?: number; rows?: number }): Promise<string> {
  const ends = new AbortController();
  let text = "";
  let asked = 0;
  const write = (part: string) => {
    text += part;
    return true;
  };
  const stream = { ...terminal, write } as unknown as NodeJS.WriteStream;
  const state = () => {
    asked++;
    ends.abort();
    return { ...STATE, accepted: asked };
  };
  await showLiveView(state, stream, ends.signal);
  return text;
}

test("on a terminal the picture is redrawn in place and the last one stays", async () => {
  const text = await written({ isTTY: true, columns: 80, rows: 24 });
  expect(text).toContain("\u001b[");
  expect(stripVTControlCharacters(text)).toContain("2 in all");
});

test("into a pipe go plain lines", async () => {
  expect(await written({ isTTY: false })).toBe("0:01 1 events · 0/s\n0:01 2 events · 0/s\n");
});
