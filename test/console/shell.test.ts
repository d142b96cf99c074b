import { afterEach, expect, test } from "vitest";
import type { RunningHttpServer } from "../../src/adapters/http-server.ts";
import { jsonReply } from "../../src/gateway/http/admin-route.ts";
import { OPERATOR_KEY, READER_KEY, serveConsole } from "./console-server.ts";
import { accessibilityProblems, describeWithChromium, NARROW } from "./with-chromium.ts";

describeWithChromium("the shell of the console", ({ open }) => {
  let server: RunningHttpServer | undefined;
  const NO_MAPS = {
    ...({ method: "GET", path: "/console/v1/maps", role: "reader" } as const),
    answer: async () => jsonReply({ maps: [] }),
  };
  const serve = async (at: Parameters<typeof serveConsole>[1] = {}) => {
    server = await serveConsole([NO_MAPS], at);
    return server.url.replace("0.0.0.0", "127.0.0.1");
  };
  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  test("without maps the first view says what to do, and nothing is wrong for who uses it otherwise than by sight", async () => {
    const url = await serve();
    for (const scheme of ["light", "dark"] as const)
      for (const size of [undefined, NARROW]) {
        const page = await open(url, { scheme, ...(size === undefined ? {} : { size }) });
        await page.getByText("No segments are defined yet").waitFor();
        expect(await accessibilityProblems(page)).toEqual([]);
        await page.context().close();
      }
  });

  test("by keyboard alone one skips to the content, goes to a view, and its heading has the focus", async () => {
    const page = await open(await serve());
    await page.getByText("No segments are defined yet").waitFor();
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement?.textContent")).toBe("Skip to content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement?.id")).toBe("main");
    await page.getByRole("link", { name: "Cluster" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Cluster" }).waitFor();
    expect(await page.evaluate("document.activeElement?.tagName")).toBe("H1");
    expect(await page.title()).toBe("Cluster · Resonance");
    expect(page.url()).toContain("#/cluster");
  });

  test("an address that no view has says so", async () => {
    const page = await open(`${await serve()}/#/nothing`);
    await page.getByText("There is no such view").waitFor();
  });

  test("who only looks is told so, and signs in with an operator's key, which the tab alone keeps", async () => {
    const page = await open(await serve());
    await page.getByRole("button", { name: "read only" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Key").fill("rsn_o_wrong");
    await dialog.getByRole("button", { name: "Use this key" }).click();
    await dialog.getByText("none of this deployment").waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await dialog.getByLabel("Key").fill(OPERATOR_KEY);
    await page.keyboard.press("Enter");
    await page.getByText("operator ops").waitFor();
    expect(await page.evaluate("[localStorage.length, document.cookie]")).toEqual([0, ""]);
    await page.reload();
    await page.getByText("operator ops").waitFor();
    await page.getByRole("button", { name: "sign out" }).click();
    await page.getByRole("button", { name: "read only" }).waitFor();
  });

  test("on an address that others reach, the page asks who is there before it shows anything", async () => {
    const page = await open(await serve({ host: "0.0.0.0" }));
    await page.getByRole("heading", { name: "Who are you?" }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await page.getByLabel("Key").fill(READER_KEY);
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByText("No segments are defined yet").waitFor();
    await page.getByRole("button", { name: "read only" }).waitFor();
  });

  test("colours follow the machine, or what was chosen, also the next time", async () => {
    const page = await open(await serve(), { scheme: "dark" });
    const theme = () => page.evaluate("document.documentElement.dataset.theme");
    await expect.poll(theme).toBe("dark");
    await page.getByLabel("Colours").selectOption("light");
    await expect.poll(theme).toBe("light");
    await page.reload();
    await expect.poll(theme).toBe("light");
    await page.getByLabel("Colours").selectOption("system");
    await expect.poll(theme).toBe("dark");
  });

  test("a node that goes away is told, and the page goes on when it is back", async () => {
    const url = await serve();
    const page = await open(`${url}/#/cluster`);
    await page.getByText("connected").waitFor();
    await server?.close();
    await page.getByRole("link", { name: "Resonance map" }).click();
    await page.getByText("no connection, trying again").waitFor();
    await page.getByRole("alert").getByText("UNREACHABLE").waitFor();
    await serve({ port: Number(new URL(url).port) });
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("No segments are defined yet").waitFor();
    await page.getByText("connected").waitFor();
  });
});
