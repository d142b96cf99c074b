import { cloudEventsRoutes } from "../../src/gateway/cloudevents/cloud-events-routes.ts";
import type { HttpRoute } from "../../src/gateway/http/http-route.ts";
import { DEFAULT_CATEGORIES } from "../../src/gateway/segment-api/message-consent.ts";
import { segmentRoutes } from "../../src/gateway/segment-api/segment-routes.ts";
import { snippetRoutes } from "../../src/gateway/snippet/snippet-routes.ts";
import { START_MS } from "../shards/a-shard.ts";
import { JSON_TYPE } from "./fuzz-inputs.ts";
import { FUZZ_NOW_MS, type FuzzWorld } from "./fuzz-world.ts";
import type { FuzzTarget } from "./run-fuzz.ts";

const at = new Date(START_MS).toISOString();
const CONTEXT = {
  ...{
    page: { path: "/shoes", referrer: "https://www.google.com/" },
    locale: "de-AT",
    timezone: "Europe/Vienna",
  },
  ...{ userAgent: "Mozilla/5.0 (iPhone)", campaign: { source: "mail", name: "spring" } },
  location: { country: "AT", latitude: 48.2, longitude: 16.4 },
  consent: { categoryPreferences: { Location: true, Analytics: false } },
};
const MESSAGE = {
  messageId: "m1",
  userId: "ada",
  anonymousId: "a-1",
  timestamp: at,
  sentAt: at,
  context: CONTEXT,
};
const ORDER = {
  ...{ ...MESSAGE, type: "track", event: "Order Completed", integrations: { All: true } },
  properties: {
    revenue: 30,
    currency: "EUR",
    products: [{ product_id: "p1", price: 10, quantity: 2, category: "a" }],
  },
};
const TRAITS = { plan: "pro", email: "a@b.c", company: { plan: "team" }, segments: { life: "loyal" } };
const CLOUD_EVENT = {
  specversion: "1.0",
  id: "1",
  source: "/s",
  type: "com.shop.view",
  subject: "ada",
  time: at,
};
const EVENT = { id: "e1", user: "ada", type: "view", ts: START_MS, item: "shoe" };

/** Valid requests, by a name of ours for where they go. */
const RECORDED: Readonly<Record<string, readonly unknown[]>> = {
  batch: [{ batch: [ORDER, { ...MESSAGE, type: "page", name: "Shoes" }], writeKey: "k", sentAt: at }],
  track: [{ ...MESSAGE, event: "Product Viewed", properties: { product_id: "p1", decision: "d" } }],
  identify: [{ ...MESSAGE, traits: TRAITS }],
  group: [{ ...MESSAGE, groupId: "g1", traits: TRAITS }],
  cloudevent: [
    { ...CLOUD_EVENT, data: { item: "shoe" } },
    { ...CLOUD_EVENT, data_base64: "eyJpdGVtIjoiYSJ9" },
  ],
  cloudevents: [[{ ...CLOUD_EVENT, data: { item: "shoe" } }]],
  data: [{ item: "shoe", categories: ["a"] }],
  events: [{ key: "k", sentAt: START_MS, context: { referrer: "mail" }, events: [EVENT] }],
};
/** Those whose path or type is not their name. */
const PATHS: Readonly<Record<string, string>> = {
  ...{ cloudevent: "/v1/cloudevents", data: "/v1/cloudevents" },
};
const TYPES: Readonly<Record<string, string>> = {
  cloudevent: "application/cloudevents+json",
  cloudevents: "application/cloudevents-batch+json",
};
const HEADERS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(CLOUD_EVENT).map(([name, value]) => [`ce-${name}`, value]),
);

/** What clients of other products send: Segment's API, CloudEvents, the script for pages. */
export function clientsTarget(world: FuzzWorld, left: () => readonly string[]): FuzzTarget {
  const nowMs = () => FUZZ_NOW_MS;
  const intake = world.intake("clients");
  const routes = [
    ...segmentRoutes({ intake, nowMs, categories: DEFAULT_CATEGORIES }),
    ...cloudEventsRoutes({ intake, nowMs }),
    ...snippetRoutes({ intake, nowMs, script: async () => undefined }),
  ];
  const byPath = new Map(routes.map((route): [string, HttpRoute] => [route.path, route]));
  return {
    name: "clients",
    shape: { endpoints: Object.keys(RECORDED), types: [JSON_TYPE], recorded: RECORDED },
    async send({ endpoint, data, contentType }) {
      const route = byPath.get(PATHS[endpoint] ?? `/v1/${endpoint}`);
      if (route === undefined) throw new Error(`nothing is served for ${endpoint}`);
      route.keyIn?.(data);
      const { body, error, ...reply } = await route.answer({
        ...{ body: data, producer: undefined, params: {}, baseUrl: "http://127.0.0.1:8080" },
        contentType: TYPES[endpoint] ?? contentType,
        header: (name) => HEADERS[name],
      });
      const told = { data: body, contentType: reply.contentType };
      return error === undefined ? told : { ...told, error };
    },
    left,
  };
}
