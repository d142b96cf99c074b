import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ContextReader } from "../../src/gateway/context-reader.ts";
import { referrerOf } from "../../src/gateway/referrer-medium.ts";

const NOON_MS = Date.UTC(2026, 6, 1, 12, 30);
const CHROME =
  "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Mobile Safari/537.36";

const read = (context: Record<string, string>, tsMs = NOON_MS) => new ContextReader().read(context, tsMs);

test.for([
  ["https://www.google.co.uk/search?q=my+illness", "google.co.uk", "search"],
  ["https://m.facebook.com/ada.lovelace/posts/1", "facebook.com", "social"],
  ["https://t.co/abc", "t.co", "social"],
  ["https://mail.google.com/mail/u/0", "google.com", "email"],
  ["https://chatgpt.com/", "chatgpt.com", "assistant"],
  ["https://ada:secret@blog.example.org:8443/post?token=1#top", "example.org", "referral"],
  ["//shop.example.com/cart", "example.com", "referral"],
  ["news.ycombinator.com", "ycombinator.com", "referral"],
  ["news.ycombinator.com/item?id=1", "ycombinator.com", "referral"],
  ["android-app://com.google.android.gm/", "com.google.android.gm", "app"],
  ["http://intranet/wiki?user=ada", "intranet", "referral"],
  ["http://192.168.0.7/x", "192.168.0.7", "referral"],
  ["", "", "direct"],
] as const)("the referrer %s is kept as %s, a visit by %s", ([sent, referrer, medium]) => {
  expect(referrerOf(sent)).toEqual({ referrer, medium });
});

test.for(["newsletter", "2", "partner_17", "spring campaign"])("a name of one's own passes: %s", (name) => {
  expect(referrerOf(name)).toEqual({ referrer: name });
});

describe("a context", () => {
  test("that is coarse already passes as the very same object", () => {
    const contexts = new ContextReader();
    for (const context of [
      { referrer: "2", os: "17", device: "3", environment: "4" },
      { device: "mobile", page: "/shoes" },
      { referrer: "google.com", medium: "search", language: "de" },
      { utcOffset: "60", hour: "9" },
    ])
      expect(contexts.read(context, NOON_MS)).toBe(context);
  });

  test("loses its user agent for kind of device, system and program", () => {
    expect(read({ userAgent: CHROME })).toEqual({ device: "mobile", os: "android", browser: "chrome" });
    expect(read({ userAgent: "nobody knows" })).toEqual({});
  });

  test("tells campaigns by the parameters of their links, and a medium sent goes before one that is guessed", () => {
    expect(
      read({
        referrer: "https://www.google.com/",
        utm_source: " Spring-Mail ",
        utm_medium: "Email",
        utm_campaign: "Shoes",
      }),
    ).toEqual({ referrer: "google.com", source: "spring-mail", medium: "email", campaign: "shoes" });
  });

  test("tells the visitor's hour by zone or offset, in summer and in winter", () => {
    expect(read({ zone: "Europe/Berlin" })).toEqual({ utcOffset: "120", hour: "14" });
    expect(read({ zone: "Europe/Berlin" }, Date.UTC(2026, 0, 1, 12))).toEqual({
      utcOffset: "60",
      hour: "13",
    });
    expect(read({ zone: "America/St_Johns" })).toEqual({ utcOffset: "-150", hour: "10" });
    expect(read({ zone: "UTC" })).toEqual({ utcOffset: "0", hour: "12" });
    expect(read({ utcOffset: "-780" })).toEqual({ utcOffset: "-780", hour: "23" });
    expect(read({ zone: "Middle-earth/Shire" })).toEqual({});
  });

  test("keeps the first language only", () => {
    expect(read({ language: "de-CH,de;q=0.9,en;q=0.5" })).toEqual({ language: "de" });
    expect(read({ language: "EN" })).toEqual({ language: "en" });
  });

  test("keeps what was sent when something else would tell it, too", () => {
    expect(read({ userAgent: CHROME, device: "kiosk", zone: "UTC", hour: "3" })).toMatchObject({
      device: "kiosk",
      os: "android",
      hour: "3",
    });
  });

  test("of any texts becomes coarse without an error, and once coarse stays as it is", () => {
    const contexts = new ContextReader();
    const keys = [
      "referrer",
      "userAgent",
      "zone",
      "language",
      "utm_source",
      "utm_medium",
      "utcOffset",
      "hour",
      "x",
    ];
    const texts = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.webUrl(),
      fc.constantFrom(CHROME, "Asia/Kolkata", ""),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...keys), texts), (given) => {
        const once = contexts.read(given, NOON_MS);
        for (const gone of ["userAgent", "zone", "utm_source", "utm_medium"])
          expect(once).not.toHaveProperty(gone);
        expect(contexts.read(once, NOON_MS)).toEqual(once);
      }),
    );
  });
});
