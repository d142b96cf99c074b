import { expect, test } from "vitest";
import { healthRoutes } from "../../src/gateway/http/health-routes.ts";
import { httpStatusOf } from "../../src/gateway/http/http-status.ts";
import { type ReadinessFacts, readinessOf } from "../../src/gateway/readiness.ts";
import { documentedCodes } from "./documented-codes.ts";

const FINE: ReadinessFacts = {
  isStopping: false,
  isConnected: true,
  isInCluster: true,
  unserved: [],
  behind: [],
};
const codesOf = (facts: Partial<ReadinessFacts>) =>
  readinessOf({ ...FINE, ...facts }).reasons.map(({ code }) => code);

test("a node with nothing against it is ready", () => {
  expect(readinessOf(FINE)).toEqual({ ready: true, reasons: [] });
});

test("each thing against it is a reason of its own, and all are told", () => {
  expect(codesOf({ isStopping: true })).toEqual(["STOPPING"]);
  expect(codesOf({ isConnected: false, isInCluster: false })).toEqual(["NATS_LOST", "NOT_IN_CLUSTER"]);
  const units = Array.from({ length: 7 }, (_, shard) => `shard-${shard}`);
  const { ready, reasons } = readinessOf({ ...FINE, unserved: units, behind: ["profiles"] });
  expect(ready).toBe(false);
  expect(reasons).toEqual([
    {
      code: "UNITS_UNSERVED",
      message: "nobody answers for shard-0, shard-1, shard-2, shard-3, shard-4 and 2 more",
    },
    { code: "CATCHING_UP", message: "still reading the log of profiles" },
  ]);
});

test("every reason is documented", () => {
  const all = codesOf({
    ...{ isStopping: true, isConnected: false, isInCluster: false, unserved: ["a"], behind: ["a"] },
  });
  expect(all).toHaveLength(5);
  for (const code of [...all, "NOT_READY"]) expect(documentedCodes(), code).toContain(code);
});

test("/readyz answers 503 with the reasons until the node is ready, /healthz only once a thread is lost", async () => {
  let silentMs = 0;
  let facts: ReadinessFacts = { ...FINE, behind: ["shard-1"] };
  const routes = healthRoutes({ silentMs: () => silentMs, readiness: () => readinessOf(facts) });
  const get = async (path: string) => {
    const reply = await routes.find((one) => one.path === path)?.answer();
    const status = reply?.error === undefined ? 200 : httpStatusOf(reply.error);
    return [status, JSON.parse(new TextDecoder().decode(reply?.body))];
  };
  expect(await get("/readyz")).toMatchObject([503, { ready: false, reasons: [{ code: "CATCHING_UP" }] }]);
  expect(await get("/healthz")).toEqual([200, { ok: true }]);
  facts = FINE;
  expect(await get("/readyz")).toEqual([200, { ready: true, reasons: [] }]);
  silentMs = 120_000;
  expect(await get("/healthz")).toEqual([503, { ok: false }]);
});
