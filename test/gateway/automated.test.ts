import { expect, test } from "vitest";
import { ContextReader } from "../../src/gateway/context-reader.ts";
import { anEvent, gatewayWorld } from "./gateway-world.ts";

const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36";

test.for([
  "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
  "GPTBot/1.0",
  "curl/8.1.2",
  "python-requests/2.31.0",
  CHROME.replace("Chrome", "HeadlessChrome"),
])("a program that names itself is known: %s", (userAgent) => {
  expect(new ContextReader().isAutomated({ userAgent })).toBe(true);
});

test.for([
  CHROME,
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
  "Mozilla/5.0 (Linux; Android 12; CUBOT P50) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Mobile Safari/537.36",
  "okhttp/4.9.0", // An app of Android that says no more.
  "Dalvik/2.1.0 (Linux; U; Android 12; Pixel 5)",
  "Shop/3.2 CFNetwork/1240.0.4 Darwin/20.6.0",
])("a human's browser or app is none: %s", (userAgent) => {
  expect(new ContextReader().isAutomated({ userAgent })).toBe(false);
});

test("the log keeps that an event is a program's, not by which name, and the gateway counts it", async () => {
  const world = await gatewayWorld();
  const context = { userAgent: "curl/8.1.2" };
  await world.ask("ingest", { events: [anEvent({ id: "a", context }), anEvent({ id: "b" })] });
  const entries = (await Promise.all([0, 1, 2, 3].map((shard) => world.entries(shard)))).flat();
  expect(entries.map((entry) => "automated" in entry && entry.automated)).toEqual([true, false]);
  expect(JSON.stringify(entries)).not.toContain("curl");
  expect(world.gateway.counters.automated).toBe(1);
});
