import { expect, test } from "vitest";
import { gatewayWorld } from "./gateway-world.ts";

test("what a report is to hold is checked before anybody is asked for it", async () => {
  const world = await gatewayWorld();
  const codeOf = async (body: unknown) => (await world.ask("privacy.report", body)).reply.error?.code;
  expect(await codeOf({ measured: "yes" })).toBe("WRONG_TYPE");
  expect(await codeOf({ exact: true })).toBe("UNKNOWN_FIELD");
  expect(await codeOf({ map: "nothing" })).toBe("UNKNOWN_MAP");
  expect((await world.ask("privacy.report", { measured: false })).value).toEqual({ maps: [] });
});
