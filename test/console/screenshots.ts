// `npm run screenshots`: pictures of the console for the documentation, of a demo's node, to docs/images.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { findChromium, launchChromium, NARROW, WIDE } from "./chromium.ts";
import { startDemo } from "./demo-process.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "docs", "images");
/** A picture is taken with ever less quality until it is no larger. */
const BYTES_MAX = 60_000;
const QUALITIES = [80, 65, 50, 35, 20];
/** Until the picture is full of visitors, and the engine has learnt who is who. */
const WARM_UP_MS = 100_000;
const SETTLE_MS = 6_000;

const PICTURES = [
  { name: "console-map", hash: "/", size: WIDE, scheme: "light" },
  { name: "console-map-dark", hash: "/", size: WIDE, scheme: "dark" },
  { name: "console-map-narrow", hash: "/", size: NARROW, scheme: "dark" },
] as const;

const executable = findChromium();
if (executable === undefined) throw new Error("there is no Chromium: name one in RESONANCE_CHROMIUM");
const browser = await launchChromium(executable);
const demo = await startDemo(process.argv.slice(2));
try {
  await mkdir(FOLDER, { recursive: true });
  const watching = await browser.newPage();
  await watching.goto(demo.url);
  await watching.waitForTimeout(WARM_UP_MS);
  for (const { name, hash, size, scheme } of PICTURES) {
    const page = await browser.newPage({ viewport: size, colorScheme: scheme });
    await page.goto(`${demo.url}/#${hash}`);
    await page.waitForTimeout(SETTLE_MS);
    const picture = await pictureOf(page);
    await writeFile(join(FOLDER, `${name}.webp`), picture);
    process.stdout.write(`docs/images/${name}.webp: ${picture.length} bytes\n`);
    await page.close();
  }
} finally {
  await browser.close();
  await demo.stop();
}

/** As WebP, which the browser's own protocol can write. */
async function pictureOf(page: Page): Promise<Buffer> {
  const session = await page.context().newCDPSession(page);
  for (const quality of QUALITIES) {
    const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality });
    const picture = Buffer.from(data, "base64");
    if (picture.length <= BYTES_MAX) return picture;
  }
  throw new Error(`a picture of ${page.url()} has more than ${BYTES_MAX} bytes, whatever its quality`);
}
