import { setTimeout as sleep } from "node:timers/promises";
import RudderAnalytics from "@rudderstack/rudder-sdk-node";
import { expect, test } from "vitest";
import { EVENTS, expectDelivered, trackCall, USERS } from "./through-a-restart.ts";

test("@rudderstack/rudder-sdk-node delivers 10,000 events through a restart: none lost, none twice", async () => {
  await expectDelivered(async ({ url, writeKey, handedOver }) => {
    const failed: unknown[] = [];
    let delivered = 0;
    const analytics = new RudderAnalytics(writeKey, {
      dataPlaneUrl: url,
      flushAt: 100,
      flushInterval: 200,
      retryCount: 12, // Of itself it gives up after 3 tries, which take 1.4 seconds.
      errorHandler: (error) => failed.push(error),
    });
    for (let number = 0; number < EVENTS; number++) {
      analytics.track(trackCall(number), () => delivered++);
      if (number % USERS !== 0) continue;
      handedOver(number);
      await sleep(20);
    }
    while (delivered < EVENTS && failed.length === 0) {
      await analytics.flush();
      await sleep(20);
    }
    expect(failed).toEqual([]);
  });
}, 120_000);
