import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { CHROMIUM, openShopPage } from "./a-page.ts";
import { EVENTS, EVENTS_EACH, expectDelivered, trackCall, USERS } from "./through-a-restart.ts";

/** What the page calls of it. */
type Analytics = Readonly<{
  identify(userId: string): Promise<unknown>;
  track(event: string, properties: object): Promise<unknown>;
  on(name: "error", heard: (error: unknown) => void): void;
}>;
declare const AnalyticsNext: {
  AnalyticsBrowser: { load(settings: object): Promise<[Analytics, unknown]> };
};

const SCRIPT = join(
  dirname(createRequire(import.meta.url).resolve("@segment/analytics-next/package.json")),
  "dist/umd/index.js",
);

test.skipIf(CHROMIUM === undefined)(
  "analytics.js in Chromium delivers 10,000 events through a restart: none lost, none twice",
  async () => {
    const shop = await openShopPage({ scripts: { "/analytics.js": readFileSync(SCRIPT, "utf8") } });
    try {
      await expectDelivered(async ({ url, writeKey, handedOver }) => {
        await shop.page.exposeFunction("handedOver", handedOver);
        const given = { url, writeKey, events: EVENTS, each: EVENTS_EACH, users: USERS, call: trackCall(0) };
        const failed = await shop.page.evaluate(deliver, given);
        expect(failed).toEqual([]);
      }, shop);
    } finally {
      await shop.close();
    }
  },
  240_000,
);

/** In the page: one visitor after the other, as a shared machine has them, each with their events. */
async function deliver(
  given: Readonly<{
    url: string;
    writeKey: string;
    events: number;
    users: number;
    each: number;
    call: Readonly<{ event: string }>;
  }>,
): Promise<readonly string[]> {
  const { url, writeKey, users, each, call } = given;
  const { handedOver } = globalThis as unknown as { handedOver(events: number): Promise<void> };
  const [analytics] = await AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL: url });
  const failed: string[] = [];
  analytics.on("error", (error) => failed.push(JSON.stringify(error)));
  for (let user = 0; user < users; user++) {
    await analytics.identify(`user-${user}`);
    const sent = Array.from({ length: each }, (_, n) =>
      analytics.track(call.event, { product_id: `sku-${n}` }),
    );
    await Promise.all(sent);
    await handedOver((user + 1) * each);
  }
  return failed;
}
