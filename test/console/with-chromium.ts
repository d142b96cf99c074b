import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { findChromium, launchChromium } from "./chromium.ts";

/** How a page is opened. */
export type PageOptions = Readonly<{
  scheme?: "light" | "dark";
  size?: Readonly<{ width: number; height: number }>;
  reducedMotion?: "reduce" | "no-preference";
}>;

export const WIDE = { width: 1_280, height: 800 } as const;
export const NARROW = { width: 390, height: 844 } as const;

/** A page is drawn in software here, on a machine that does other things besides. */
const PATIENCE_MS = 120_000;

/** What tests of a suite have of a browser. */
export type Pages = Readonly<{
  /** Opens a page in a session of its own: nothing is kept from one to the next. */
  open(url: string, options?: PageOptions): Promise<Page>;
  /** What pages have complained of so far: errors, and what the node's policy has kept them from. */
  complaints: readonly string[];
}>;

/** A suite that runs in real Chromium, or is skipped plainly where there is none and none can be installed. */
export function describeWithChromium(name: string, tests: (pages: Pages) => void): void {
  const executable = findChromium();
  describe.skipIf(executable === undefined)(`${name} (in Chromium)`, { timeout: PATIENCE_MS }, () => {
    let browser: Browser;
    const complaints: string[] = [];
    beforeAll(async () => {
      browser = await launchChromium(executable ?? "");
    });
    afterAll(async () => {
      await browser?.close();
      expect(complaints).toEqual([]);
    });
    tests({
      complaints,
      async open(url, { scheme = "light", size = WIDE, reducedMotion = "no-preference" } = {}) {
        const context = await browser.newContext({ viewport: size, colorScheme: scheme, reducedMotion });
        const page = await context.newPage();
        page.on("pageerror", (error) => complaints.push(error.message));
        page.on("console", (message) => {
          const text = message.text();
          // A refused key and a node that is away are said in the page; the browser says them, too.
          if (message.type() === "error" && !text.startsWith("Failed to load resource"))
            complaints.push(text);
        });
        await page.goto(url);
        return page;
      },
    });
  });
}

/**
 * What axe-core finds wrong with a page as it is now: each with its rule and where.
 *
 * @see https://github.com/dequelabs/axe-core, rules for WCAG 2.2 A and AA, and its best practices.
 */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>(
    "axe.run(document, { resultTypes: ['violations'] })",
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}
