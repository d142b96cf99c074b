import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { CHROMIUM, openShopPage, type PageContent } from "../clients/a-page.ts";
import { NOW_MS } from "../gateway/gateway-world.ts";
import { type IntakeOverHttp, intakeOverHttp, PAGE_KEY, SHOP } from "../gateway/http/intake-over-http.ts";

type Stored = Readonly<Record<string, unknown>>;
/** What the page calls of the script. */
type Snippet = Readonly<{
  page(): void;
  track(type: string, fields?: object): void;
  identify(user: string, fields?: object): void;
  consent(answers: object): void;
  user(): string;
}>;
declare const resonance: Snippet;
declare const localStorage: { length: number };
declare const location: { href: string };

const SCRIPT_BYTES_MAX = 3_000;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A node, and a page with the script in it. */
async function aShop(
  attributes = "",
  content: Pick<PageContent, "before"> & { readonly early?: string } = {},
) {
  const intake: IntakeOverHttp = await intakeOverHttp({ origin: "*" });
  closing.push(() => intake.close());
  const { url } = intake.server;
  const early = content.early === undefined ? "" : `<script>${content.early}</script>`;
  const html = `${early}<script src="${url}/resonance.js" data-key="${PAGE_KEY}" ${attributes}></script>`;
  const { early: _, ...rest } = content;
  const shop = await openShopPage({ html, ...rest });
  closing.push(() => shop.close());
  const sent: string[] = [];
  shop.page.on("request", (request) => {
    if (request.url().startsWith(url) && request.method() !== "GET") sent.push(request.method());
  });
  return {
    ...shop,
    /** Methods of requests to the node, but for the script. */
    sent,
    url,
    /** What the log holds, once there is so much of it. */
    async stored(count: number): Promise<readonly Stored[]> {
      const entries = async () => (await intake.stored()) as unknown as readonly Stored[];
      await expect
        .poll(async () => (await entries()).length, { timeout: 20_000 })
        .toBeGreaterThanOrEqual(count);
      return (await entries()).toSorted((a, b) => Number(a["tsMs"]) - Number(b["tsMs"]));
    },
    storedKeys: () => shop.page.evaluate(() => localStorage.length),
  };
}

/** Time in which something that must not be sent would have been. */
const quiet = () => new Promise((resolve) => setTimeout(resolve, 2_500));

test("the script has less than 3 KB, is kept by browsers, and comes again only if it has changed", async () => {
  const intake = await intakeOverHttp();
  closing.push(() => intake.close());
  const script = await fetch(`${intake.server.url}/resonance.js`);
  const text = await script.text();
  expect(text.length).toBeLessThan(SCRIPT_BYTES_MAX);
  expect(gzipSync(text).length).toBeLessThan(SCRIPT_BYTES_MAX / 2);
  expect(script.headers.get("content-type")).toContain("text/javascript");
  expect(script.headers.get("cache-control")).toBe("public, max-age=3600");
  const headers = { "if-none-match": script.headers.get("etag") ?? "" };
  expect((await fetch(`${intake.server.url}/resonance.js`, { headers })).status).toBe(304);
});

test("its events are checked as all are, and their time is put right by the page's clock", async () => {
  const intake = await intakeOverHttp();
  closing.push(() => intake.close());
  const event = { id: "e1", user: "ada", type: "view", ts: NOW_MS + 3_600_000 - 500 };
  const send = (body: object) =>
    intake.send("/v1/events", { key: PAGE_KEY, sentAt: NOW_MS + 3_600_000, ...body }, { origin: SHOP });
  expect((await send({ events: [event, { ...event, item: 7 }, "none"] })).value).toMatchObject({
    accepted: 1,
    refused: [
      { index: 1, code: "WRONG_TYPE" },
      { index: 2, code: "NOT_AN_OBJECT" },
    ],
  });
  expect(await intake.stored()).toMatchObject([{ id: "e1", tsMs: NOW_MS - 500 }]);
  expect(await send({ events: "none" })).toMatchObject({ status: 400, value: { code: "WRONG_TYPE" } });
  expect(await send({ events: [event], key: "rsn_w_none" })).toMatchObject({ status: 401 });
});

const inChromium = test.skipIf(CHROMIUM === undefined);

inChromium(
  "page, acts and identity arrive, with how the visitor came, and without a request to ask first",
  async () => {
    const shop = await aShop();
    await shop.page.evaluate(() => {
      resonance.track("add_to_cart", { item: "sku-1", categories: ["shoes"] });
      resonance.identify("ada", { traits: { plan: "pro" }, segments: { life: "loyal" } });
    });
    const stored = await shop.stored(3);
    const device = { device: "desktop", os: "linux", browser: "chrome", source: "mail" };
    // Of two shards, and perhaps of the same millisecond: in no order.
    const of = (type: string) => stored.find((event) => event["type"] === type);
    expect(of("view")).toMatchObject({ item: "/shoes", context: device });
    expect(of("add_to_cart")).toMatchObject({ item: "sku-1", categories: ["shoes"] });
    const identified = { user: "ada", traits: { plan: "pro" }, segments: { life: "loyal" } };
    expect(of("identify")).toMatchObject(identified);
    expect(new Set(stored.map(({ id }) => id)).size).toBe(3);
    expect(of("view")?.["user"]).toBe(of("add_to_cart")?.["user"]);
    expect(JSON.stringify(stored)).not.toContain("name=ada");
    await expect.poll(() => shop.sent.length).toBeGreaterThan(0); // The browser tells of a request a little later.
    expect(new Set(shop.sent)).toEqual(new Set(["POST"]));
    expect(shop.said).toEqual([]);
  },
);

inChromium("calls made before the script is there are not lost", async () => {
  const shop = await aShop("", {
    early: '(window.resonance ||= []).push(["track", "click", { item: "a" }])',
  });
  const stored = await shop.stored(2);
  expect(stored.map(({ type }) => type).toSorted()).toEqual(["click", "view"]);
  expect(stored.find(({ type }) => type === "click")).toMatchObject({ item: "a" });
});

inChromium("where consent is required nothing is sent or stored before it, nor after a no", async () => {
  const shop = await aShop('data-consent="required"');
  await shop.page.evaluate(() => {
    resonance.page();
    resonance.track("click", { item: "a" });
    resonance.identify("ada");
  });
  await quiet();
  await shop.page.evaluate(() => resonance.consent({ personalisation: false }));
  await quiet();
  expect([shop.sent, await shop.storedKeys()]).toEqual([[], 0]);
});

inChromium(
  "with consent the visitor is known on their next visit; with a later no the engine is told, and they are not",
  async () => {
    const shop = await aShop('data-consent="required"');
    await shop.page.evaluate(() => resonance.consent({ personalisation: true, location: false }));
    const consent = { personalisation: true, location: false };
    const first = await shop.stored(2); // The answer, and the page that was seen.
    expect(first.map(({ type }) => type).toSorted()).toEqual(["consent", "view"]);
    for (const event of first) expect(event).toMatchObject({ consent });
    const user = await shop.page.evaluate(() => resonance.user());
    await shop.page.reload();
    expect(await shop.page.evaluate(() => resonance.user())).toBe(user);
    expect(await shop.stored(3)).toHaveLength(3);

    await shop.page.evaluate(() => resonance.consent({ personalisation: false }));
    const told = (await shop.stored(4)).filter(({ type }) => type === "consent");
    expect(told).toContainEqual(
      expect.objectContaining({ user, consent: expect.objectContaining({ personalisation: false }) }),
    );
    expect(await shop.storedKeys()).toBe(0);
    await shop.page.evaluate(() => resonance.track("click"));
    await quiet();
    expect(await shop.stored(4)).toHaveLength(4);
  },
);

inChromium(
  "without a question asked nothing is stored: on the next page the visitor is another",
  async () => {
    const shop = await aShop();
    const user = await shop.page.evaluate(() => resonance.user());
    expect(await shop.storedKeys()).toBe(0);
    await shop.page.reload();
    expect(await shop.page.evaluate(() => resonance.user())).not.toBe(user);
  },
);

inChromium("a browser that says it does not want to be tracked is asked first", async () => {
  for (const before of [
    () => Object.defineProperty(navigator, "globalPrivacyControl", { value: true }),
    () => Object.defineProperty(navigator, "doNotTrack", { value: "1" }),
  ]) {
    const shop = await aShop("", { before: before as () => void });
    await shop.page.evaluate(() => resonance.track("click"));
    await quiet();
    expect(shop.sent).toEqual([]);
    await shop.page.evaluate(() => resonance.consent({ personalisation: true }));
    await shop.stored(2);
  }
});

inChromium("what happens offline arrives once the browser is online again, each event once", async () => {
  const shop = await aShop();
  await shop.stored(1);
  await shop.page.context().setOffline(true);
  await shop.page.evaluate(() => {
    for (let i = 0; i < 30; i++) resonance.track("click", { item: `a${i}` });
  });
  await quiet();
  expect(await shop.stored(1)).toHaveLength(1);
  await shop.page.context().setOffline(false);
  const stored = await shop.stored(31);
  expect(new Set(stored.map(({ item }) => item)).size).toBe(31);
  expect(stored).toHaveLength(31);
});

inChromium("what is left when the page closes arrives", async () => {
  const shop = await aShop();
  await shop.page.evaluate(() => {
    for (let i = 0; i < 50; i++) resonance.track("click", { item: `a${i}` });
    location.href = "about:blank";
  });
  const stored = await shop.stored(51);
  expect(new Set(stored.map(({ id }) => id)).size).toBe(51);
});

inChromium(
  "a node that is overloaded is asked again after the time that it tells, and later and later while it fails",
  async () => {
    const shop = await aShop('data-page="off"');
    const triedMs: number[] = [];
    await shop.page.route(`${shop.url}/v1/events`, async (route) => {
      triedMs.push(performance.now());
      const headers = {
        "access-control-allow-origin": shop.origin,
        "access-control-expose-headers": "retry-after",
      };
      if (triedMs.length === 1)
        await route.fulfill({ status: 429, headers: { ...headers, "retry-after": "3" } });
      else if (triedMs.length === 2) await route.abort();
      else await route.continue();
    });
    await shop.page.evaluate(() => resonance.track("click", { item: "a" }));
    expect(await shop.stored(1)).toMatchObject([{ item: "a" }]);
    const [first = 0, second = 0, third = 0] = triedMs;
    expect(second - first).toBeGreaterThan(2_900);
    expect(third - second).toBeGreaterThan(900); // Half of what would double again.
    expect(triedMs).toHaveLength(3);
  },
);
