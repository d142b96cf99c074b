import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { ShownLetter } from "../../src/gateway/dead-letters.ts";
import { NARROW } from "./chromium.ts";
import { type ShopNode, startShopNode } from "./shop-node.ts";
import { accessibilityProblems, describeWithChromium } from "./with-chromium.ts";

// A browser beside a node and other tests has little of two cores.
vi.setConfig({ testTimeout: 120_000 });

const SCHEMES = ["light", "dark"] as const;
/** What each address shows once its data is there. */
const VIEWS: readonly (readonly [hash: string, shows: string])[] = [
  ["/visitor", "Whom do you want to look at?"],
  ["/visitor/visitor-10", "Over the last events"],
  ["/visitor/carl", "may not be personalised for"],
  ["/visitor/nobody-at-all", "Nothing is held of this visitor"],
  ["/segments", "Reliability"],
  ["/segments/mood", "private: counts are noisy"],
  ["/experiments", "units by arm"],
  ["/experiments/hero", "Lift of personal"],
  ["/privacy", "Private map: mood"],
  ["/cluster", "Node shop-1"],
  ["/dead-letters", "set aside, the oldest first"],
];

describeWithChromium("the console's views", (pages) => {
  let world: ShopNode;

  beforeAll(async () => {
    world = await startShopNode();
  }, 240_000);
  afterAll(() => world?.close());

  /** Opens an address of the console in a tab that forgets everything, after what is to be prepared. */
  const open = async (hash: string, prepare?: (page: Page) => Promise<unknown>): Promise<Page> => {
    const page = await pages.open("about:blank", { reducedMotion: "reduce" });
    await prepare?.(page);
    await page.goto(`${world.url}/#${hash}`);
    return page;
  };
  const asOperator = (page: Page) =>
    page.addInitScript(`sessionStorage.setItem("resonance-key", ${JSON.stringify(world.operatorKey)})`);
  const close = (page: Page) => page.context().close();
  const shown = (page: Page, text: string) => page.getByText(text, { exact: false }).first().waitFor();

  test.each(VIEWS)(
    "%s has no barrier that axe finds, light or dark, and fits a telephone",
    async (hash, shows) => {
      const page = await open(hash);
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        await page.locator(`html[data-theme="${colorScheme}"]`).waitFor();
        await shown(page, shows);
        expect(await accessibilityProblems(page)).toEqual([]);
      }
      expect(await page.locator("h1").count()).toBe(1);
      await page.setViewportSize(NARROW);
      // Tables and charts scroll in their own room.
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(NARROW.width);
      await close(page);
    },
  );

  test("a visitor is found by their id, and each of their events is chosen by the keyboard", async () => {
    const page = await open("/visitor");
    await page.getByLabel("Visitor id").fill("visitor-10");
    await page.keyboard.press("Enter");
    await shown(page, "following the newest event");
    expect(page.url()).toContain("#/visitor/visitor-10");
    const newest = page.locator(".event").first();
    const number = Number(await newest.getAttribute("data-done"));
    await page.getByRole("heading", { name: `What event #${number} changed` }).waitFor();
    await newest.focus();
    await page.keyboard.press("ArrowDown");
    await page.getByRole("heading", { name: `What event #${number - 1} changed` }).waitFor();
    expect(await page.evaluate("document.activeElement.dataset.done")).toBe(String(number - 1));
    expect(await page.locator('.event[aria-pressed="true"]').getAttribute("data-done")).toBe(
      String(number - 1),
    );
    // Why one segment changed, after another was chosen.
    const segment = page.getByRole("button", { name: "loyal-buyers", exact: true });
    await segment.focus();
    await page.keyboard.press("Enter");
    await shown(page, "log odds of loyal-buyers against none");
    await page.getByRole("button", { name: /follow the newest again/ }).click();
    await shown(page, "following the newest event");
    await close(page);
  });

  test("the lens follows a visitor while they act", async () => {
    const page = await open("/visitor/guest-1");
    await shown(page, "following the newest event");
    const before = Number(await page.locator(".event").first().getAttribute("data-done"));
    await world.client.ask("ingest", {
      id: "lens-1",
      user: "guest-1",
      type: "purchase",
      ts: Date.now(),
      value: 9,
    });
    await page.getByRole("heading", { name: `What event #${before + 1} changed` }).waitFor();
    expect(await page.locator(".event").first().innerText()).toContain("purchase");
    await close(page);
  });

  test("whoever only looks may not act: buttons say what it takes", async () => {
    const page = await open("/dead-letters");
    await shown(page, "3 set aside");
    for (const name of ["Show letter 1", "Try again letter 1", "Drop letter 1"]) {
      const button = page.getByRole("button", { name });
      expect(await button.isDisabled()).toBe(true);
      expect(await button.getAttribute("title")).toBe("Sign in as an operator to do this");
    }
    await close(page);
  });

  test("an operator signs in, looks at a letter, tries it again and drops another", async () => {
    const page = await open("/dead-letters");
    await shown(page, "3 set aside");
    await page.getByRole("button", { name: /sign in/ }).click();
    await page.getByLabel("Key", { exact: true }).fill(world.operatorKey);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByRole("button", { name: "Show letter 1" }).click();
    const entry = JSON.parse(await page.locator("pre.entry").innerText()) as ShownLetter["entry"];
    expect(entry).toMatchObject({ kind: "behaviour", user: "ada" });
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByRole("button", { name: "Try again letter 1" }).click();
    const dialog = page.getByRole("dialog", { name: "Try letter 1 again?" });
    await page.keyboard.press("Escape"); // Thought better of it: nothing has happened.
    await dialog.waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Try again letter 1" }).click();
    expect(await accessibilityProblems(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Try again" }).click();
    await shown(page, "Letter 1 is in its shard's log again");
    await page.getByRole("button", { name: "Show letter 4" }).waitFor(); // Its cause is still there.
    await page.getByRole("button", { name: "Drop letter 2" }).click();
    await page.getByRole("button", { name: "Drop it" }).click();
    await shown(page, "Letter 2 is dropped.");
    await page.getByRole("button", { name: "Show letter 2" }).waitFor({ state: "detached" });
    await close(page);
  });

  test("the slider tells who would move, and an operator puts the threshold in force", async () => {
    const page = await open("/segments/shopper", asOperator);
    await shown(page, "browsers would resonate from 50");
    const fact = (name: string) => page.locator(".fact", { hasText: name }).locator("dd");
    await expect.poll(() => fact("would enter").innerText()).toMatch(/^\+\d/);
    const entering = async () => Number((await fact("would enter").innerText()).replaceAll(/\D/g, ""));
    const before = await entering();
    const slider = page.getByRole("slider");
    await slider.focus();
    for (let press = 0; press < 30; press++) await page.keyboard.press("ArrowLeft");
    await shown(page, "browsers would resonate from 20");
    expect(await slider.getAttribute("aria-valuetext")).toMatch(/^20/);
    expect(await entering()).toBeGreaterThan(before);
    await page.getByRole("button", { name: /Put 20.*in force…/ }).click();
    await page.getByRole("button", { name: "Put it in force", exact: true }).click();
    await shown(page, "browsers resonates from 20");
    await world.act(200);
    const row = page.getByRole("row", { name: /^browsers/ }).first();
    await expect.poll(() => row.innerText(), { timeout: 20_000 }).toMatch(/20\s%, until/);
    await close(page);
  });

  test("an experiment is found in the list, and stopped once an operator has said so twice", async () => {
    const page = await open("/experiments", asOperator);
    await page.getByRole("link", { name: "hero" }).click();
    await shown(page, "Lift of personal");
    expect(page.url()).toContain("#/experiments/hero");
    await page.getByText("Intervals over time as a table").click();
    expect(await page.getByRole("table").first().locator("tbody tr").count()).toBeGreaterThan(1);
    await page.getByRole("button", { name: "Stop the experiment…" }).click();
    await page.getByRole("button", { name: "Stop it", exact: true }).click();
    await shown(page, "It is stopped.");
    await page.getByRole("button", { name: "Stop the experiment…" }).waitFor({ state: "detached" });
    await close(page);
  });

  test("what noise does to a private map's profiles is shown to operators, and others are told why not", async () => {
    const page = await open("/privacy");
    await shown(page, "Sign in as an operator to see what noise does");
    expect(await page.getByText("noisy count").count()).toBe(0);
    await close(page);
    const theirs = await open("/privacy", asOperator);
    await shown(theirs, "noisy count");
    expect(await accessibilityProblems(theirs)).toEqual([]);
    await close(theirs);
  });

  test.each([
    ["/segments", "segments", { version: 0, maps: [] }, "No segments are defined"],
    ["/experiments", "experiments", { experiments: [] }, "No experiment was ever started"],
    ["/dead-letters", "dead-letters", { letters: [] }, "There are none"],
  ])("%s says what to do when there is nothing", async (hash, path, body, shows) => {
    const prepare = (page: Page) =>
      page.route(`**/console/v1/${path}`, (route) => route.fulfill({ json: body }));
    const page = await open(hash, prepare);
    await shown(page, shows);
    expect(await accessibilityProblems(page)).toEqual([]);
    await close(page);
  });

  test.each(VIEWS.filter(([hash]) => hash !== "/visitor"))(
    "%s says why it shows nothing, and shows it once it can",
    async (hash, shows) => {
      let isDown = true;
      const error = { code: "NO_RESPONDERS", message: "nobody answers for the shard", retryable: true };
      const prepare = (page: Page) =>
        page.route(/\/console\/v1\/(?!node|operator)/, (route) =>
          isDown ? route.fulfill({ status: 503, json: error }) : route.continue(),
        );
      const page = await open(hash, prepare);
      await page.getByRole("alert").filter({ hasText: "nobody answers for the shard" }).waitFor();
      isDown = false;
      const again = page.getByRole("button", { name: "Try again" });
      if (await again.isVisible()) await again.click().catch(() => {}); // It may have come by itself.
      await shown(page, shows);
      await close(page);
    },
  );
});
