import { expect, test } from "vitest";
import { ENDPOINT_ROLES } from "../../src/events/roles.ts";
import { gatewayWorld } from "./gateway-world.ts";

test("every endpoint of the gateway is in the table of roles: one that is forgotten would be for operators alone", async () => {
  const { gateway } = await gatewayWorld();
  expect(Object.keys(gateway.handlers).filter((name) => ENDPOINT_ROLES[name] === undefined)).toEqual([]);
});
