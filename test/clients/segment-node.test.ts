import { setTimeout as sleep } from "node:timers/promises";
import { Analytics } from "@segment/analytics-node";
import { expect, test } from "vitest";
import { EVENTS, expectDelivered, type Target, trackCall, USERS } from "./through-a-restart.ts";

const NAME = "@segment/analytics-node delivers 10,000 events";

test(`${NAME} through a restart: none lost, none twice`, () => expectDelivered(deliver), 120_000);

test(
  `${NAME} through a crash: none lost, none twice`,
  () => expectDelivered(deliver, { isKilled: true }),
  120_000,
);

async function deliver({ url, writeKey, handedOver }: Target): Promise<void> {
  const analytics = new Analytics({ writeKey, host: url, flushAt: 100, flushInterval: 200 });
  const failed: unknown[] = [];
  analytics.on("error", (error) => failed.push(error));
  for (let number = 0; number < EVENTS; number++) {
    analytics.track(trackCall(number));
    if (number % USERS !== 0) continue;
    handedOver(number);
    await sleep(20); // A shop's events come one after the other; the node is away for some of them.
  }
  await analytics.closeAndFlush({ timeout: 90_000 });
  expect(failed).toEqual([]);
}
