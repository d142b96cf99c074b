import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { trackEvents } from "../../../src/gateway/segment-api/track-events.ts";

const tracked = (name: string, properties: Readonly<Record<string, unknown>> = {}) =>
  JSON.parse(JSON.stringify(trackEvents(name, properties))) as readonly Readonly<Record<string, unknown>>[];

test("each name in the table of docs/segment-api.md is told as the type that stands there", () => {
  const page = readFileSync(join(import.meta.dirname, "../../../docs/segment-api.md"), "utf8");
  const rows = [...page.matchAll(/^\| ((?:`[^`|]+`(?:, )?)+) \| `([a-z_]+)` \|/gm)];
  const documented = rows.flatMap(([, names = "", type = ""]) =>
    [...names.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => [name, type] as const),
  );
  expect(documented.length).toBeGreaterThan(25);
  for (const [name, type] of documented) expect([name, tracked(name)[0]?.["type"]]).toEqual([name, type]);
});

test("a name counts in any case, and one that nobody specified stays as it is", () => {
  expect(tracked("product VIEWED ", { product_id: "p1" })).toEqual([{ type: "view", item: "p1" }]);
  expect(tracked("Coupon Entered", { item: "c1", value: "4.5" })).toEqual([
    { type: "Coupon Entered", item: "c1", value: 4.5 },
  ]);
});

test("a product is known by its id, else by its stock number; its price is not money spent", () => {
  const properties = { product_id: 7, sku: "s1", category: "Shoes", price: 80, value: 80, quantity: 1 };
  expect(tracked("Product Added", properties)).toEqual([
    { type: "add_to_cart", item: "7", categories: ["Shoes"] },
  ]);
  expect(tracked("Product Viewed", { sku: "s1" })).toEqual([{ type: "view", item: "s1" }]);
});

test("an order is one purchase a product, whose values add up to what was paid for them", () => {
  const products = [
    { product_id: "p1", price: 10, quantity: 2, category: "Books" },
    { product_id: "p2", price: "5.50" },
  ];
  expect(tracked("Order Completed", { order_id: "o1", revenue: 30, currency: "eur", products })).toEqual([
    { type: "purchase", item: "p1", categories: ["Books"], value: 20, currency: "EUR" },
    { type: "purchase", item: "p2", value: 5.5, currency: "EUR" },
  ]);
});

test("an order whose products have no prices, and one without products, has the order's amount", () => {
  const products = [{ product_id: "p1" }, { product_id: "p2" }];
  expect(tracked("Order Completed", { revenue: 30, products }).map(({ value }) => value)).toEqual([
    30,
    undefined,
  ]);
  expect(tracked("Order Completed", { total: 30, currency: "USD" })).toEqual([
    { type: "purchase", value: 30, currency: "USD" },
  ]);
});

test("a search has its query, a review its mark and text, a promotion its id", () => {
  expect(tracked("Products Searched", { query: "red shoes" })).toEqual([
    { type: "search", query: "red shoes" },
  ]);
  expect(tracked("Product Reviewed", { product_id: "p1", rating: "4", review_body: "Good" })).toEqual([
    { type: "rate", item: "p1", value: 4, text: "Good" },
  ]);
  expect(tracked("Promotion Viewed", { promotion_id: "promo-1" })).toEqual([
    { type: "impression", item: "promo-1" },
  ]);
});

test("feedback on a decision goes with any event", () => {
  expect(tracked("Promotion Clicked", { promotion_id: "a", decision: "d1" })[0]).toMatchObject({
    ...{ type: "click", decision: "d1" },
  });
  const products = [{ product_id: "p1", price: 1 }];
  expect(tracked("Order Completed", { decision: "d1", products })[0]).toMatchObject({ decision: "d1" });
});
