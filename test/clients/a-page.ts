import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { findChromium, launchChromium } from "../console/chromium.ts";

/** Where Chromium is; undefined where there is none and it can't be installed: tests of pages are skipped then. */
export const CHROMIUM = findChromium();
/** Of a browser that people use: one without a window says so, and would be taken for a program. */
const USER_AGENT =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/** A page of a shop, on an origin of its own. */
export type ShopPage = Readonly<{
  origin: string;
  /** The page, open. */
  page: Page;
  /** What it has written to its console, and thrown. */
  said: readonly string[];
  /** Ends browser and site. */
  close(): Promise<void>;
}>;

/** What a page has in it. */
export type PageContent = Readonly<{
  /** Sources of scripts that the site itself has, by their path. */
  scripts?: Readonly<Record<string, string>>;
  html?: string;
  /** Run before anything else in it. */
  before?: () => void;
}>;

/** Opens a page of a site that has the same on every path. */
export async function openShopPage({ scripts = {}, html = "", before }: PageContent): Promise<ShopPage> {
  const tags = Object.keys(scripts).map((path) => `<script src="${path}"></script>`);
  const site = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://site").pathname;
    const script = scripts[path];
    const type = script === undefined ? "text/html" : "text/javascript";
    const body = `<!doctype html><title>Shop</title>${tags.join("")}${html}`;
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(script ?? body);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  const browser = await launchChromium(CHROMIUM ?? "");
  const context = await browser.newContext({ userAgent: USER_AGENT });
  if (before !== undefined) await context.addInitScript(before);
  const page = await context.newPage();
  const said: string[] = [];
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(String(error)));
  await page.goto(`${origin}/shoes?utm_source=mail&name=ada`);
  return {
    origin,
    page,
    said,
    async close() {
      await browser.close();
      site.closeAllConnections();
      site.close();
    },
  };
}
