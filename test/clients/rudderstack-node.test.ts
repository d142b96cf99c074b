import { setTimeout as sleep } from "node:timers/promises";
import RudderAnalytics from "@rudderstack/rudder-sdk-node";
import { expect, test } from "vitest";
import { EVENTS, expectDelivered, LIMIT_MS, trackCall, USERS } from "./through-a-restart.ts";

test(
  "@rudderstack/rudder-sdk-node delivers 10,000 events through a restart: none lost, none twice",
  async () => {
    await expectDelivered(async ({ url, writeKey, handedOver }) => {
      const failed: unknown[] = [];
      let delivered = 0;
      const analytics = new RudderAnalytics(writeKey, {
        dataPlaneUrl: url,
        flushAt: 100,
        flushInterval: 200,
        // Of itself it tries three times more, within 1.4 seconds, and waits twice as long each time, without an end.
        retryCount: 60,
        axiosRetryConfig: { retryDelay: (tries: number) => Math.min(100 * 2 ** tries, 5_000) },
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
  },
  LIMIT_MS,
);
