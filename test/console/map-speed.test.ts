import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { serveConsole } from "./console-server.ts";
import { syntheticMap } from "./synthetic-map.ts";
import { describeWithChromium } from "./with-chromium.ts";

const VISITORS = 5_000;
const MEASURED_MS = 6_000;
/** What a frame has at 30 a second. */
const FRAME_MS = 1_000 / 30;

describeWithChromium("the picture of 5,000 visitors who all move", ({ open }) => {
  test("takes the page less processor time than 30 frames a second have", async () => {
    const server = await serveConsole(syntheticMap(VISITORS));
    try {
      const page = await open(server.url);
      const told = async (name: string) => Number(await page.locator("canvas").getAttribute(`data-${name}`));
      await expect.poll(() => told("visitors"), { timeout: 30_000 }).toBe(VISITORS);
      const busyMs = await processorTime(page);
      const [fromMs, frames, busy] = [performance.now(), await told("frames"), await busyMs()];
      await page.waitForTimeout(MEASURED_MS);
      const drawn = (await told("frames")) - frames;
      const perFrame = ((await busyMs()) - busy) / drawn;
      const perSecond = (drawn * 1_000) / (performance.now() - fromMs);
      process.stdout.write(
        `5,000 points: ${perFrame.toFixed(1)} ms of processor time a frame, ${perSecond.toFixed(1)} frames/s here and now\n`,
      );
      // Frames a second depend on what else the machine does; the time that one takes does not.
      expect(perFrame).toBeLessThan(FRAME_MS);
    } finally {
      await server.close();
    }
  });
});

/** All that the page's main thread has done, in ms of processor time: drawing, reading of frames, layout, all. */
async function processorTime(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1_000 * (metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN);
  };
}
