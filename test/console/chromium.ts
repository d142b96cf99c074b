import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium } from "playwright-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const USUAL_PLACES = [
  "/usr/lib/chromium/chromium",
  "/snap/bin/chromium",
  "/opt/google/chrome/chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];
/** It runs in a test, as root in a container, on machines without a screen: and talks to nobody but the node. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const INSTALL_PATIENCE_MS = 300_000;

/**
 * Where Chromium is: in the variable `RESONANCE_CHROMIUM`, on the PATH or in a usual place. Where there is none, Debian's is
 * installed if whoever runs this may; undefined if not.
 */
export function findChromium(): string | undefined {
  const named = process.env["RESONANCE_CHROMIUM"] ?? "";
  if (named !== "") return named;
  const found = lookForChromium();
  if (found !== undefined || process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return found;
  process.stderr.write("tests of the console: there is no Chromium here, installing Debian's\n");
  try {
    const how = { stdio: "ignore", timeout: INSTALL_PATIENCE_MS } as const;
    execFileSync("apt-get", ["update"], how);
    execFileSync("apt-get", ["install", "--yes", "--no-install-recommends", "chromium"], how);
  } catch {
    process.stderr.write("tests of the console: Chromium could not be installed, they are skipped\n");
  }
  return lookForChromium();
}

function lookForChromium(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const onPath = folders.flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [...onPath, ...USUAL_PLACES].find((file) => existsSync(file));
}

/** Starts it without a window. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: FLAGS });
}
