import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeWithNats } from "../adapters/with-nats.ts";
import { NARROW } from "./chromium.ts";
import { type DemoProcess, startDemo } from "./demo-process.ts";
import { accessibilityProblems, describeWithChromium } from "./with-chromium.ts";

/** From opening the printed address on: what a new user waits at most. */
const SEEN_MOVING_MS = 30_000;
const VISITORS_SEEN = 100;

const visitorsIn = async (page: Page) => Number(await page.locator("canvas").getAttribute("data-visitors"));
/** The picture as it is at this moment. */
const pictureOf = (page: Page) => page.evaluate<string>("document.querySelector('canvas').toDataURL()");

await describeWithNats("the demo", (suite) => {
  describeWithChromium("its console", ({ open }) => {
    let demo: DemoProcess;
    beforeAll(async () => {
      demo = await startDemo(["--nats", suite().nats.url, "--visitors", "2000", "--rate", "1000"]);
    }, 120_000);
    afterAll(async () => {
      await demo?.stop();
    });

    test("whoever opens the printed address sees more than 100 visitors move within 30 seconds, and what that means", async () => {
      const beganMs = performance.now();
      const page = await open(demo.url);
      await page.getByText("which segment each of them behaves like").waitFor();
      const left = () => SEEN_MOVING_MS - (performance.now() - beganMs);
      await expect.poll(() => visitorsIn(page), { timeout: left() }).toBeGreaterThan(VISITORS_SEEN);
      const shown = await page.locator("canvas").boundingBox();
      expect(shown?.height, "the picture has room").toBeGreaterThan(300);
      const before = await pictureOf(page);
      await expect.poll(() => pictureOf(page), { timeout: left() }).not.toBe(before);
      expect(performance.now() - beganMs).toBeLessThan(SEEN_MOVING_MS);
    });

    test("a paused picture stands still, and goes on", async () => {
      const page = await open(demo.url);
      await expect.poll(() => visitorsIn(page), { timeout: 30_000 }).toBeGreaterThan(20);
      await page.getByRole("button", { name: "Pause" }).click();
      await page.waitForTimeout(2_500); // Until what was shining is not any more.
      const counted = await visitorsIn(page);
      await page.waitForTimeout(2_500);
      expect(await visitorsIn(page)).toBe(counted);
      await page.getByRole("button", { name: "Paused" }).click();
      const before = await pictureOf(page);
      await expect.poll(() => pictureOf(page), { timeout: 20_000 }).not.toBe(before);
    });

    test("pointing at a visitor tells their distribution, and pressing opens them", async () => {
      const page = await open(demo.url);
      await expect.poll(() => visitorsIn(page), { timeout: 30_000 }).toBeGreaterThan(50);
      const picture = await page.locator("canvas").boundingBox();
      if (picture === null) throw new Error("there is no picture");
      await page.getByRole("button", { name: "Pause" }).click(); // So that nobody moves away meanwhile.
      const pointed = page.locator("canvas.map-canvas-pointed");
      // Points are where they are: some place on a grid over the picture, its middle first, has one.
      const steps = Array.from({ length: 21 }, (_, i) => (i - 10) / 20);
      const places = steps
        .flatMap((x) => steps.map((y) => [x, y] as const))
        .sort(([ax, ay], [bx, by]) => Math.hypot(ax, ay) - Math.hypot(bx, by));
      for (const [x, y] of places) {
        await page.mouse.move(picture.x + picture.width * (0.5 + x), picture.y + picture.height * (0.5 + y));
        await page.waitForTimeout(40);
        if ((await pointed.count()) > 0) break;
      }
      const card = page.locator(".map-card");
      await card.locator("li").first().waitFor({ timeout: 15_000 });
      expect(await card.locator("li").count()).toBeGreaterThan(3);
      expect(await card.innerText()).toMatch(/\d+ %/);
      await page.mouse.down();
      await page.mouse.up();
      await expect.poll(() => page.url(), { timeout: 10_000 }).toMatch(/#\/visitor\/.+/);
    });

    test("the same is told as a table, by which one opens a visitor without a mouse", async () => {
      const page = await open(demo.url, { size: NARROW });
      await page.getByRole("button", { name: "Show as table" }).click();
      await expect.poll(() => page.locator("tbody tr").count(), { timeout: 30_000 }).toBeGreaterThan(10);
      expect(await accessibilityProblems(page)).toEqual([]);
      await page.getByRole("button", { name: "Pause" }).click();
      await page.locator("tbody button").first().focus();
      await page.keyboard.press("Enter");
      await expect.poll(() => page.url(), { timeout: 10_000 }).toMatch(/#\/visitor\/.+/);
    });

    test("nothing is wrong with the picture's page for who uses it otherwise than by sight, light and dark", async () => {
      for (const scheme of ["light", "dark"] as const) {
        const page = await open(demo.url, { scheme });
        await expect.poll(() => visitorsIn(page), { timeout: 30_000 }).toBeGreaterThan(20);
        await page.getByRole("status").getByText("active visitors. By strongest segment:").waitFor();
        expect(await accessibilityProblems(page)).toEqual([]);
        await page.context().close();
      }
    });

    test("for whoever wants no motion nothing glides: the picture changes as often as there is something new", async () => {
      const page = await open(demo.url, { reducedMotion: "reduce" });
      await expect.poll(() => visitorsIn(page), { timeout: 30_000 }).toBeGreaterThan(20);
      const frames = async () => Number(await page.locator("canvas").getAttribute("data-frames"));
      const [from, fromMs] = [await frames(), performance.now()];
      await page.waitForTimeout(4_000);
      const perSecond = (((await frames()) - from) * 1_000) / (performance.now() - fromMs);
      expect(perSecond).toBeGreaterThan(0.2);
      expect(perSecond).toBeLessThan(5);
    });

    test("the operator's key that the demo has printed opens what acts", async () => {
      const page = await open(demo.url);
      await page.getByRole("button", { name: "read only" }).click();
      await page.getByRole("dialog").getByLabel("Key").fill(demo.operatorKey);
      await page.keyboard.press("Enter");
      await page.getByText("operator demo").waitFor();
    });
  });
});
