import { type Fields, fieldsIn, firstId, firstNumber, firstText, listIn } from "./read-value.ts";

/** What a tracked name says in our words: type and fields of one event, or of several. */
export type Tracked = Readonly<{ type: string }> & Fields;

type Reader = (properties: Fields) => readonly Tracked[];

/** Categories of an event at most; what a list has more is of no use. */
const CATEGORIES_MAX = 32;

const as =
  (type: string, fieldsOf: (properties: Fields) => Fields): Reader =>
  (properties) => [{ type, ...fieldsOf(properties) }];

/**
 * Names of Segment's e-commerce specification (version 2, and those of version 1), its mobile lifecycle and its consent, in lower case. docs/segment-api.md has
 * them as a table.
 *
 * @see Segment, Spec: V2 Ecommerce Events.
 */
const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["products searched", as("search", ofAnything)],
  ["product list viewed", as("view", ofList)],
  ["product list filtered", as("view", ofList)],
  ["product viewed", as("view", ofProduct)],
  ["product clicked", as("click", ofProduct)],
  ["product added", as("add_to_cart", ofProduct)],
  ["product removed", as("remove_from_cart", ofProduct)],
  ["cart viewed", as("view_cart", ofAnything)],
  ["checkout started", as("begin_checkout", ofOrder)],
  ["order completed", ofPurchases],
  ["order refunded", as("refund", ofOrder)],
  ["order cancelled", as("cancel", ofOrder)],
  ["promotion viewed", as("impression", ofPromotion)],
  ["promotion clicked", as("click", ofPromotion)],
  ["product added to wishlist", as("like", ofProduct)],
  ["product removed from wishlist", as("unlike", ofProduct)],
  ["wishlist product added to cart", as("add_to_cart", ofProduct)],
  ["product shared", as("share", ofProduct)],
  ["cart shared", as("share", ofAnything)],
  ["product reviewed", as("rate", ofReview)],
  ["viewed product category", as("view", ofList)],
  ["viewed product", as("view", ofProduct)],
  ["added product", as("add_to_cart", ofProduct)],
  ["removed product", as("remove_from_cart", ofProduct)],
  ["completed order", ofPurchases],
  ["application opened", as("app_open", ofAnything)],
  ["application backgrounded", as("app_close", ofAnything)],
  ["segment consent preference updated", as("consent", ofAnything)],
]);

/**
 * What a `track` call says: known names as our types, any other under its own name.
 *
 * @param name - `event` of the call.
 * @returns One event, or one for each product of an order.
 */
export function trackEvents(name: string, properties: Fields): readonly Tracked[] {
  const read = READERS.get(name.trim().toLowerCase());
  return read === undefined ? [{ type: name, ...ofAnything(properties) }] : read(properties);
}

/** What any event may tell: our own names of fields, and those that Segment's properties share with them. */
function ofAnything(properties: Fields): Fields {
  const { item, product_id, sku, query, value, revenue, currency, decision, peer } = properties;
  return {
    item: firstId(item, product_id, sku),
    categories: categoriesIn(properties),
    query: firstText(query),
    value: firstNumber(value, revenue),
    currency: currencyIn(currency),
    decision: firstId(decision),
    peer: firstId(peer),
  };
}

/** A price is not what somebody spent: of all that is done with a product only a purchase has a value. */
function ofProduct(properties: Fields): Fields {
  const { product_id, sku, id, item } = properties;
  return { ...ofAnything(properties), item: firstId(product_id, sku, id, item), value: undefined };
}

function ofList(properties: Fields): Fields {
  const { list_id, item } = properties;
  return { ...ofAnything(properties), item: firstId(list_id, item) };
}

function ofPromotion(properties: Fields): Fields {
  const { promotion_id, id, name, item } = properties;
  return { ...ofAnything(properties), item: firstId(promotion_id, id, name, item) };
}

function ofReview(properties: Fields): Fields {
  const { rating, review_body } = properties;
  return { ...ofProduct(properties), value: firstNumber(rating), text: firstText(review_body) };
}

function ofOrder(properties: Fields): Fields {
  return { ...ofAnything(properties), value: amountOf(properties) };
}

/**
 * An order as one purchase for each of its products: features read item and categories of an event, of which it has one, and add the values up. If
 * no product has a price the order's amount goes with the first.
 */
function ofPurchases(properties: Fields): readonly Tracked[] {
  const type = "purchase";
  const { products, currency } = properties;
  const lines = listIn(products).map(fieldsIn);
  if (lines.length === 0) return [{ type, ...ofOrder(properties) }];
  const values = lines.map(({ price, quantity }): number | undefined => {
    const each = firstNumber(price);
    return each === undefined ? undefined : each * (firstNumber(quantity) ?? 1);
  });
  if (!values.some((value) => value !== undefined)) values[0] = amountOf(properties);
  const decision = firstId(properties["decision"]);
  return lines.map((line, place) => ({
    type,
    ...ofProduct(line),
    decision,
    value: values[place],
    currency: currencyIn(line["currency"] ?? currency),
  }));
}

function amountOf({ revenue, total, value }: Fields): number | undefined {
  return firstNumber(revenue, total, value);
}

function categoriesIn({ category, categories }: Fields): readonly string[] | undefined {
  const named = [category, ...listIn(categories)];
  const texts = named.flatMap((one) => firstText(one) ?? []).slice(0, CATEGORIES_MAX);
  return texts.length === 0 ? undefined : texts;
}

function currencyIn(currency: unknown): string | undefined {
  return typeof currency === "string" && /^[A-Za-z]{3}$/.test(currency) ? currency.toUpperCase() : undefined;
}
