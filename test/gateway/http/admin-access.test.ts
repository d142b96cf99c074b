import { expect, test } from "vitest";
import { type AdminCaller, isLoopbackHost, refuseStranger } from "../../../src/gateway/http/admin-access.ts";
import type { AdminRole } from "../../../src/gateway/http/admin-route.ts";
import type { HttpRole } from "../../../src/gateway/http/http-route.ts";

const keyOf = (role: HttpRole) => ({ name: role, role, sha256: "", origins: [] });
const aCaller = (more: Partial<AdminCaller> = {}): AdminCaller => ({
  ...{ key: undefined, isLocal: true, isTls: false, host: "127.0.0.1:8090" },
  ...{ origin: undefined, fetchSite: undefined },
  ...more,
});
/** The code of the refusal; undefined if the caller may. */
const refusalOf = (role: AdminRole, caller: AdminCaller): string | undefined => {
  try {
    refuseStranger(role, caller);
    return undefined;
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
};

test("on this machine everybody may read, by one of its names", () => {
  for (const host of ["127.0.0.1:8090", "localhost:8090", "[::1]:8090", "localhost", "LOCALHOST:1"])
    expect(refusalOf("reader", aCaller({ host }))).toBeUndefined();
});

test("a page whose own name was made to mean this machine may not read", () => {
  for (const host of [
    "evil.example:8090",
    "127.0.0.1.evil.example",
    "localhost.evil.example:8090",
    "",
    undefined,
  ])
    expect(refusalOf("reader", aCaller({ host }))).toBe("FORBIDDEN");
  expect(isLoopbackHost("127.0.0.1:80:80")).toBe(false);
});

test("a page of another site may neither read nor act, with a key or without", () => {
  const operator = keyOf("operator");
  for (const from of [
    { origin: "https://evil.example" },
    { origin: "http://127.0.0.1:9999" },
    { origin: "null" },
    { fetchSite: "cross-site" },
    { fetchSite: "same-site" },
  ]) {
    expect(refusalOf("reader", aCaller(from))).toBe("FORBIDDEN");
    expect(refusalOf("operator", aCaller({ ...from, key: operator }))).toBe("FORBIDDEN");
  }
  const own = { origin: "http://127.0.0.1:8090", fetchSite: "same-origin" };
  expect(refusalOf("operator", aCaller({ ...own, key: operator }))).toBeUndefined();
  expect(refusalOf("reader", aCaller({ fetchSite: "none" }))).toBeUndefined();
});

test("a listener with TLS takes no page without it for its own; one without may have a proxy in front that ends it", () => {
  const operator = keyOf("operator");
  const at = (origin: string, isTls: boolean) =>
    refusalOf("operator", aCaller({ key: operator, isLocal: false, isTls, host: "ops.example", origin }));
  expect(at("https://ops.example", true)).toBeUndefined();
  expect(at("http://ops.example", true)).toBe("FORBIDDEN");
  expect(at("https://ops.example", false)).toBeUndefined();
});

test("on another address reading takes a reader's or an operator's key, whatever name it is asked by", () => {
  const far = { isLocal: false, host: "ops.example" };
  expect(refusalOf("reader", aCaller(far))).toBe("UNAUTHENTICATED");
  expect(refusalOf("reader", aCaller({ ...far, host: "localhost" }))).toBe("UNAUTHENTICATED");
  expect(refusalOf("reader", aCaller({ ...far, key: keyOf("reader") }))).toBeUndefined();
  expect(refusalOf("reader", aCaller({ ...far, key: keyOf("operator") }))).toBeUndefined();
  expect(refusalOf("reader", aCaller({ ...far, key: keyOf("producer") }))).toBe("FORBIDDEN");
});

test("acting takes an operator's key on every address", () => {
  expect(refusalOf("operator", aCaller())).toBe("UNAUTHENTICATED");
  for (const role of ["reader", "producer"] as const)
    expect(refusalOf("operator", aCaller({ key: keyOf(role) }))).toBe("FORBIDDEN");
  expect(refusalOf("operator", aCaller({ key: keyOf("operator") }))).toBeUndefined();
});

test("what holds nothing of any person is for anyone", () => {
  const strange = { isLocal: false, host: "evil.example", fetchSite: "cross-site" };
  expect(refusalOf("anyone", aCaller(strange))).toBeUndefined();
});
