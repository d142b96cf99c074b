import { afterEach, expect, test } from "vitest";
import type { RunningHttpServer } from "../../src/adapters/http-server.ts";
import { jsonReply } from "../../src/gateway/http/admin-route.ts";
import { codeOf, readSources } from "../source-text.ts";
import { serveConsole } from "./console-server.ts";
import { describeWithChromium } from "./with-chromium.ts";

/** Ways to have a browser read a text as markup. */
const AS_MARKUP =
  /innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|srcdoc|\beval\b|new Function/;

test("no view of the console has a text read as markup or code", () => {
  const sources = readSources("src/console/web");
  expect(sources.length).toBeGreaterThan(30);
  expect(sources.filter(({ source }) => AS_MARKUP.test(codeOf(source))).map(({ path }) => path)).toEqual([]);
  expect(AS_MARKUP.test(codeOf("<p dangerouslySetInnerHTML={{ __html: id }} />"))).toBe(true);
});

/** What anybody who may send events can call a user, an item or a type. */
const HOSTILE = `"><img src=x onerror="owned=1"><script>owned=1</script>`;

describeWithChromium("what others have named", ({ open }) => {
  let server: RunningHttpServer | undefined;
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  test("is shown as it is written, and does nothing", async () => {
    const at = "2026-01-01T00:00:00Z";
    const place = { id: 1, at, shard: 0, sequence: 7, stack: "s", bytes: 9 };
    const letter = { ...place, code: "MALFORMED", reason: HOSTILE, what: HOSTILE };
    const reader = { method: "GET", role: "reader" } as const;
    server = await serveConsole([
      { ...reader, path: "/console/v1/dead-letters", answer: async () => jsonReply({ letters: [letter] }) },
    ]);
    const page = await open(`${server.url}/#/dead-letters`);
    await page.getByText(HOSTILE).first().waitFor();
    expect(await page.evaluate("document.querySelectorAll('main img, main script').length")).toBe(0);
    await page.goto(`${server.url}/#/visitor/${encodeURIComponent(HOSTILE)}`);
    await page.getByRole("heading", { level: 1, name: HOSTILE }).waitFor();
    expect(await page.getByLabel("Visitor id").inputValue()).toBe(HOSTILE);
    expect(await page.evaluate("globalThis.owned")).toBeUndefined();
    await page.context().close();
  });
});
