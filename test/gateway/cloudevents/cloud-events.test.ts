import { CloudEvent, type CloudEventV1, HTTP, type Message } from "cloudevents";
import { afterEach, expect, test } from "vitest";
import { documentedCodes } from "../documented-codes.ts";
import { NOW_MS, SHARDS } from "../gateway-world.ts";
import { type IntakeOverHttp, intakeOverHttp, READ_KEY, SHOP, WRITE_KEY } from "../http/intake-over-http.ts";

const opened: IntakeOverHttp[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((intake) => intake.close()));
});
async function anIntake() {
  const intake = await intakeOverHttp();
  opened.push(intake);
  return {
    ...intake,
    /** Sends what the library of CloudEvents has written. */
    sendMessage({ headers, body }: Pick<Message, "headers" | "body">, key = WRITE_KEY) {
      const given = { ...(headers as Record<string, string>), authorization: `Bearer ${key}` };
      return intake.send("/v1/cloudevents", body as string, given);
    },
  };
}

const aView = (given: Partial<CloudEventV1<unknown>> = {}) =>
  new CloudEvent({
    ...{ id: "e1", source: "/shop", type: "com.example.shop.view", subject: "ada" },
    ...{ time: new Date(NOW_MS - 1_000).toISOString(), data: { item: "sku-1", categories: ["shoes"] } },
    ...given,
  });
const STORED = {
  ...{ kind: "behaviour", id: "/shop#e1", user: "ada", type: "view", tsMs: NOW_MS - 1_000 },
  ...{ item: "sku-1", categories: ["shoes"] },
};

test.for(["binary", "structured"] as const)("an event of the library is taken in %s mode", async (mode) => {
  const { sendMessage, stored } = await anIntake();
  const { status, value } = await sendMessage(HTTP[mode](aView()));
  expect([status, value]).toEqual([200, { accepted: 1, refused: [] }]);
  expect(await stored()).toEqual([STORED]);
});

test("a batch is taken, and each of its events that is refused is told by its place", async () => {
  const { sendMessage, stored } = await anIntake();
  const events = [
    aView(),
    { ...aView({ id: "e2" }), subject: undefined },
    { specversion: "0.3", id: "e3" },
    aView({ id: "e4" }),
  ];
  const headers = { "content-type": "application/cloudevents-batch+json" };
  const { status, value } = await sendMessage({ headers, body: JSON.stringify(events) });
  expect([status, value]).toMatchObject([
    200,
    {
      accepted: 2,
      refused: [
        { index: 1, code: "MISSING_FIELD" },
        { index: 2, code: "NOT_SUPPORTED" },
      ],
    },
  ]);
  expect(await stored()).toHaveLength(2);
});

test("data may be encoded in base 64, may name the user itself, and may be left out", async () => {
  const { sendMessage, stored } = await anIntake();
  const data_base64 = Buffer.from(JSON.stringify({ item: "sku-1" })).toString("base64");
  const headers = { "content-type": "application/cloudevents+json; charset=utf-8" };
  const plain = { specversion: "1.0", id: "1", source: "/s", type: "app_open", subject: "ada" };
  await sendMessage({ headers, body: JSON.stringify({ ...plain, id: "2", data_base64 }) });
  await sendMessage({ headers, body: JSON.stringify({ ...plain, id: "3", data: { user: "eve" } }) });
  await sendMessage({ headers, body: JSON.stringify({ ...plain, id: "4" }) });
  const entries = (await stored()) as readonly Readonly<Record<string, unknown>>[];
  expect(entries.map(({ id, user, tsMs, item }) => [id, user, tsMs, item]).toSorted()).toEqual([
    ["/s#2", "ada", NOW_MS, "sku-1"],
    ["/s#3", "eve", NOW_MS, undefined],
    ["/s#4", "ada", NOW_MS, undefined],
  ]);
});

test("headers of the binary mode are percent-encoded, and one with a broken text is refused", async () => {
  const { sendMessage, stored } = await anIntake();
  const { headers, body } = HTTP.binary(aView());
  await sendMessage({ headers: { ...headers, "ce-subject": "Zo%C3%AB 100%" }, body });
  expect(await stored()).toMatchObject([{ user: "Zoë 100%" }]);
  const broken = await sendMessage({ headers: { ...headers, "ce-subject": "%ff" }, body });
  expect([broken.status, broken.value["code"]]).toEqual([400, "BAD_TEXT"]);
});

test("the same id of two sources is two events, however long the source is", async () => {
  const { sendMessage, stored } = await anIntake();
  for (const source of ["/a", "/b", `/${"x".repeat(200)}`, `/${"y".repeat(200)}`])
    await sendMessage(HTTP.structured(aView({ source })));
  const ids = (await stored()).map((entry) => ("id" in entry ? entry.id : ""));
  expect(new Set(ids).size).toBe(4);
});

test("one that is refused fails its request with a documented code", async () => {
  const { sendMessage, send } = await anIntake();
  const structured = { "content-type": "application/cloudevents+json" };
  const refused = [
    await sendMessage({ headers: { "content-type": "application/json" }, body: "{}" }),
    await sendMessage({ headers: structured, body: "[]" }),
    await sendMessage({ headers: structured, body: "{" }),
    await sendMessage(HTTP.structured(aView({ data: { iten: "typo" } }))),
    await sendMessage(HTTP.structured(aView({ data: { id: "other" } }))),
    await sendMessage(HTTP.structured(aView({ data: "text" }))),
    await sendMessage({ headers: { "content-type": "application/cloudevents-batch+json" }, body: "{}" }),
  ];
  for (const { status, value } of refused) {
    expect(status).toBe(400);
    expect(documentedCodes()).toContain(value["code"]);
  }
  const xml = HTTP.structured(aView({ datacontenttype: "application/xml", data: "<a/>" }));
  expect((await sendMessage(xml)).status).toBe(415);
  expect((await send("/v1/cloudevents", "{}", { origin: SHOP })).status).toBe(401);
  expect((await sendMessage(HTTP.binary(aView()), READ_KEY)).status).toBe(403);
});

test("while the log does not take it the sender is asked to come again, and what came twice has one id", async () => {
  const { sendMessage, world, stored } = await anIntake();
  for (let shard = 0; shard < SHARDS; shard++) world.broken.add(shard);
  expect(await sendMessage(HTTP.binary(aView()))).toMatchObject({
    status: 503,
    value: { code: "LOG_UNAVAILABLE" },
  });
  world.broken.clear();
  await sendMessage(HTTP.binary(aView()));
  await sendMessage(HTTP.structured(aView()));
  expect(new Set((await stored()).map((entry) => ("id" in entry ? entry.id : "")))).toEqual(
    new Set(["/shop#e1"]),
  );
});
