import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { documentedCodes } from "../documented-codes.ts";
import { SHARDS } from "../gateway-world.ts";
import {
  type IntakeOverHttp,
  intakeOverHttp,
  PAGE_KEY,
  READ_KEY,
  SHOP,
  SLOW_KEY,
  WRITE_KEY,
} from "../http/intake-over-http.ts";
import { aMessage } from "./a-message.ts";

const opened: IntakeOverHttp[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((intake) => intake.close()));
});
async function anIntake(options: Parameters<typeof intakeOverHttp>[0] = {}): Promise<IntakeOverHttp> {
  const intake = await intakeOverHttp(options);
  opened.push(intake);
  return intake;
}

test("each call has its route and its short path, which say what a message is", async () => {
  const { post, stored } = await anIntake();
  const calls = {
    track: "Signed Up",
    page: "view",
    screen: "view",
    identify: "identify",
    group: "identify",
    alias: "identify",
  };
  for (const [call, type] of Object.entries(calls)) {
    for (const path of [call, call.charAt(0)]) {
      const message = { ...aMessage({ messageId: `${path}-1`, previousId: "a" }), type: undefined };
      const { status, value } = await post(`/v1/${path}`, message);
      expect([path, status, value]).toEqual([path, 200, { success: true }]);
      expect((await stored()).find((entry) => "id" in entry && entry.id === `${path}-1`)).toMatchObject({
        type,
      });
    }
  }
});

test("a batch comes at three paths, compressed or not, and what is refused of it stands beside the success", async () => {
  const { post, world } = await anIntake();
  const batch = [
    aMessage({ messageId: "b1" }),
    aMessage({ userId: null }),
    aMessage({ messageId: "b2", timestamp: "soon" }),
  ];
  for (const path of ["/v1/batch", "/v1/b", "/v1/import"]) {
    const body = gzipSync(JSON.stringify({ batch }));
    const { status, value } = await post(path, body, WRITE_KEY, { "content-encoding": "gzip" });
    expect([status, value]).toMatchObject([
      200,
      {
        ...{ success: true, accepted: 1 },
        refused: [
          { index: 1, code: "MISSING_FIELD" },
          { index: 2, code: "BAD_TIMESTAMP" },
        ],
      },
    ]);
  }
  expect(world.gateway.counters.refused).toEqual({ MISSING_FIELD: 3, BAD_TIMESTAMP: 3 });
  expect(world.gateway.counters.requests).toMatchObject({ segment: 3 });
});

test("an order's products are stored as events of their own, and the order is taken as one", async () => {
  const { post, stored } = await anIntake();
  const products = Array.from({ length: 300 }, (_, i) => ({ product_id: `p${i}`, price: 1 }));
  const orders = Array.from({ length: 5 }, (_, i) =>
    aMessage({ messageId: `o${i}`, event: "Order Completed", properties: { products } }),
  );
  const { value } = await post("/v1/batch", { batch: [...orders, aMessage({ userId: "" })] });
  expect(value).toMatchObject({ accepted: 5, refused: [{ index: 5 }] });
  const ids = new Set((await stored()).flatMap((entry) => ("id" in entry ? entry.id : [])));
  expect(ids.size).toBe(1_500);
});

test("the write key may stand in the body, as pages send it that can't set a header", async () => {
  const { send } = await anIntake();
  const beacon = (writeKey: unknown, origin = SHOP) =>
    send("/v1/t", JSON.stringify({ ...aMessage(), writeKey }), { "content-type": "text/plain", origin });
  const taken = await beacon(PAGE_KEY);
  expect([taken.status, taken.value]).toEqual([200, { success: true }]);
  expect(taken.reply.headers.get("access-control-allow-origin")).toBe(SHOP);
  expect(await beacon(PAGE_KEY, "https://evil.example")).toMatchObject({
    status: 403,
    value: { code: "FORBIDDEN" },
  });
  for (const none of [undefined, "", 7, "rsn_w_none"])
    expect(await beacon(none)).toMatchObject({ status: 401, value: { code: "UNAUTHENTICATED" } });
  expect(await beacon(READ_KEY)).toMatchObject({ status: 403 });
  expect((await send("/v1/batch", "{", { "content-type": "text/plain" })).status).toBe(401);
});

test("false keys in bodies count against their address, as those in headers do", async () => {
  const { send } = await anIntake({ limits: { badKeys: { perSecond: 1, burst: 2 } } });
  const statuses: number[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await send("/v1/t", { writeKey: `rsn_w_${i}` })).status);
  expect(statuses).toEqual([401, 401, 429]);
});

test("what is no batch is refused with 400 and a documented code, and nothing of it is stored", async () => {
  const { post, stored } = await anIntake();
  const sent = [
    await post("/v1/batch", "{"),
    await post("/v1/batch", {}),
    await post("/v1/batch", { batch: "none" }),
    await post("/v1/batch", { batch: Array.from({ length: 2_501 }, () => ({})) }),
    await post("/v1/batch", new Uint8Array([0xff, 0xfe])),
  ];
  for (const { status, value } of sent) {
    expect([status, value["success"]]).toEqual([400, false]);
    expect(documentedCodes()).toContain(value["code"]);
  }
  expect(await stored()).toEqual([]);
});

test("the limits of sizes and of a key's rate hold, with a time to come again", async () => {
  const { post } = await anIntake({ limits: { bodyBytesMax: 100_000 } });
  expect((await post("/v1/batch", { batch: ["x".repeat(100_000)] })).status).toBe(413);
  const long = aMessage({ properties: { query: "ä".repeat(600), item: "x".repeat(500) } });
  expect((await post("/v1/t", long)).value).toEqual({ success: true }); // Left out, as no search needs so much.
  const batch = Array.from({ length: 5 }, (_, i) => aMessage({ messageId: `r${i}` }));
  expect((await post("/v1/batch", { batch }, SLOW_KEY)).status).toBe(200);
  const { status, reply, value } = await post("/v1/t", aMessage(), SLOW_KEY);
  expect([status, value["code"], reply.headers.get("retry-after")]).toEqual([429, "RATE_LIMITED", "1"]);
});

test("if a part of a batch has to come again, all of it has to, and counts once", async () => {
  const { post, world, stored } = await anIntake();
  for (let shard = 0; shard < SHARDS - 1; shard++) world.broken.add(shard);
  const batch = Array.from({ length: 20 }, (_, i) => aMessage({ messageId: `m${i}`, userId: `user-${i}` }));
  const failed = await post("/v1/batch", { batch });
  expect(failed).toMatchObject({
    status: 503,
    value: { success: false, code: "LOG_UNAVAILABLE", retryable: true },
  });
  world.broken.clear();
  expect((await post("/v1/batch", { batch })).value).toEqual({ success: true });
  const ids = (await stored()).flatMap((entry) => ("id" in entry ? entry.id : []));
  expect(ids.toSorted()).toEqual(batch.map(({ messageId }) => messageId).toSorted());
});

test("a user who sends too much is refused alone: the rest of the batch need not come again", async () => {
  const rates = { user: { perSecond: 1, burst: 2 } };
  const { post } = await anIntake({ world: { options: { rates } } });
  const batch = [1, 2, 3].map((i) => aMessage({ messageId: `a${i}` }));
  const { status, value } = await post("/v1/batch", {
    batch: [...batch, aMessage({ userId: "bob", messageId: "b" })],
  });
  expect([status, value]).toMatchObject([
    200,
    { accepted: 3, refused: [{ index: 2, code: "RATE_LIMITED" }] },
  ]);
});

test("analytics.js learns where to send from the node that it asks, also across sites", async () => {
  const { server, send } = await anIntake();
  const reply = await fetch(`${server.url}/v1/projects/${PAGE_KEY}/settings`, { headers: { origin: SHOP } });
  expect(reply.headers.get("access-control-allow-origin")).toBe(SHOP);
  expect(await reply.json()).toMatchObject({
    integrations: {
      "Segment.io": { apiKey: PAGE_KEY, apiHost: `${new URL(server.url).host}/v1`, protocol: "http" },
    },
  });
  expect((await send("/v1/m", { series: [] })).value).toEqual({ success: true });
});

test("behind a proxy that is trusted, pages are told the address that they know", async () => {
  const { server } = await anIntake({ trustProxy: "127.0.0.1" });
  const headers = { "x-forwarded-proto": "https", "x-forwarded-host": "events.shop.example" };
  const reply = await fetch(`${server.url}/v1/projects/key/settings`, { headers });
  expect(await reply.json()).toMatchObject({
    integrations: { "Segment.io": { apiHost: "events.shop.example/v1", protocol: "https" } },
  });
});

test("a browser is told that it may send its count of tries", async () => {
  const { server } = await anIntake();
  const headers = {
    origin: SHOP,
    "access-control-request-headers": "authorization,content-type,x-retry-count",
  };
  const reply = await fetch(`${server.url}/v1/t`, { method: "OPTIONS", headers });
  expect(reply.headers.get("access-control-allow-headers")).toContain("x-retry-count");
});
