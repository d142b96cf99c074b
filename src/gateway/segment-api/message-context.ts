import { type Fields, fieldsIn, firstNumber, firstText } from "./read-value.ts";

type Texts = Record<string, string>;
type Place = Readonly<{ lat: number; lon: number }>;

/** What devices and systems of telephones are called; all else is told by the user agent. */
const MOBILE = /^(ios|iphone|ipados|android)$/i;
const COUNTRY = /^[A-Za-z]{2}$/;
const REGION = /^[A-Za-z]{2}-[A-Za-z0-9]{1,3}$/;

/**
 * How a visitor came, in the words of an event's context. The address they came from (`ip`), ids of devices and advertisers, and the rest of
 * a Segment context are left out.
 *
 * @param context - Segment's `context`.
 * @param properties - Of a page, which has the referrer there, too.
 * @returns Undefined if nothing of it is ours.
 */
export function messageContext(context: Fields, properties: Fields): Readonly<Texts> | undefined {
  const page = fieldsIn(context["page"]);
  const campaign = fieldsIn(context["campaign"]);
  const os = fieldsIn(context["os"])["name"];
  const device = fieldsIn(context["device"])["type"];
  const { country, region } = fieldsIn(context["location"]);
  const told: Texts = {};
  const tell = (key: string, value: string | undefined): void => {
    if (value !== undefined) told[key] = value;
  };
  tell("referrer", firstText(page["referrer"], properties["referrer"]));
  tell("userAgent", firstText(context["userAgent"]));
  tell("utm_source", firstText(campaign["source"]));
  tell("utm_medium", firstText(campaign["medium"]));
  tell("utm_campaign", firstText(campaign["name"]));
  tell("language", firstText(context["locale"]));
  tell("zone", firstText(context["timezone"]));
  if (told["userAgent"] === undefined) {
    if ([device, os].some((name) => typeof name === "string" && MOBILE.test(name))) tell("device", "mobile");
    tell("os", firstText(os)?.toLowerCase());
  }
  if (typeof country === "string" && COUNTRY.test(country)) tell("country", country.toUpperCase());
  if (typeof region === "string" && REGION.test(region)) tell("region", region.toUpperCase());
  return Object.keys(told).length === 0 ? undefined : told;
}

/** Where the visitor was, if the message tells. It is stored with their consent only. */
export function messageLocation(context: Fields): Place | undefined {
  const { latitude, longitude } = fieldsIn(context["location"]);
  const [lat, lon] = [firstNumber(latitude), firstNumber(longitude)];
  return lat === undefined || lon === undefined ? undefined : { lat, lon };
}
