import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { findChromium, launchChromium } from "./chromium.ts";
import { startShopNode } from "./shop-node.ts";

/** Takes the pictures of docs/console.md anew, over a shop of a seed: `npm run screenshots`. */

const FOLDER = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const SIZE = { width: 1_200, height: 860 };
/** A picture in the documentation is small: it is fetched with the repository by everybody. */
const BYTES_MAX = 60 * 1_024;
const QUALITY = 0.82;
const PATIENCE_MS = 60_000;

/** Each view, at the address where it shows most, and what is seen once it is there. */
const SHOTS = [
  { name: "visitor", hash: "/visitor/visitor-10", shows: "Over the last events", scheme: "light" },
  { name: "segments", hash: "/segments", shows: "Reliability", scheme: "light" },
  { name: "experiment", hash: "/experiments/hero", shows: "Lift of personal", scheme: "dark" },
  { name: "privacy", hash: "/privacy", shows: "Private map: mood", scheme: "light" },
  { name: "cluster", hash: "/cluster", shows: "Node shop-1", scheme: "dark" },
  { name: "dead-letters", hash: "/dead-letters", shows: "set aside", scheme: "light" },
] as const;

const executable = findChromium();
if (executable === undefined) throw new Error("there is no Chromium: name one in RESONANCE_CHROMIUM");
process.stdout.write("starting a node with a shop...\n");
const world = await startShopNode();
const browser = await launchChromium(executable);
await mkdir(FOLDER, { recursive: true });
const tooLarge: string[] = [];
try {
  for (const shot of SHOTS) {
    const picture = await asWebp(browser, await take(browser, shot));
    const file = `console-${shot.name}.webp`;
    await writeFile(FOLDER + file, picture);
    process.stdout.write(`docs/images/${file}: ${Math.ceil(picture.byteLength / 1_024)} KiB\n`);
    if (picture.byteLength > BYTES_MAX) tooLarge.push(file);
  }
} finally {
  await browser.close();
  await world.close();
}
if (tooLarge.length > 0)
  throw new Error(`more than ${BYTES_MAX} bytes, make the page smaller: ${tooLarge.join(", ")}`);

/** @returns A PNG. */
async function take(from: Browser, { hash, shows, scheme }: (typeof SHOTS)[number]): Promise<Uint8Array> {
  const page = await from.newPage({ viewport: SIZE, colorScheme: scheme, reducedMotion: "reduce" });
  await page.addInitScript(`sessionStorage.setItem("resonance-key", ${JSON.stringify(world.operatorKey)})`);
  await page.goto(`${world.url}/#${hash}`);
  await page.getByText(shows).first().waitFor({ timeout: PATIENCE_MS });
  await page.evaluate("document.activeElement?.blur()");
  await page.waitForTimeout(500); // Charts are drawn in the next frames.
  const picture = await page.screenshot();
  await page.close();
  return picture;
}

/** The browser has an encoder: a package of one for a few pictures is not needed. */
async function asWebp(by: Browser, png: Uint8Array): Promise<Uint8Array> {
  const page = await by.newPage();
  const url = `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
  const encoded = await page.evaluate<string>(`(async () => {
    const image = new Image();
    image.src = ${JSON.stringify(url)};
    await image.decode();
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", ${QUALITY});
  })()`);
  await page.close();
  return Buffer.from(encoded.slice(encoded.indexOf(",") + 1), "base64");
}
