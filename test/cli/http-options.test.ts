import { expect, test } from "vitest";
import { categoriesOf, intakeOf } from "../../src/cli/http-options.ts";

test("categories of consent are told with their purposes, in any case", () => {
  expect(categoriesOf("Advertising=personalisation, C0002=analytics")).toEqual({
    advertising: "personalisation",
    c0002: "analytics",
  });
  for (const none of ["", "Advertising", "=analytics", "a=b c", "a=b,,c=d"])
    expect(() => categoriesOf(none)).toThrow("such as Advertising=personalisation");
});

test("a certificate takes its key, and a key its certificate", () => {
  const given = { data: "data", drain: 0, lagMax: 0, http: { host: "0.0.0.0", port: 1 } };
  const httpTlsCert = "server.pem";
  expect(() => intakeOf({ ...given, httpTlsCert })).toThrow("--http-tls-cert and --http-tls-key");
  expect(() => intakeOf({ ...given, adminTlsKey: "server.key" })).toThrow("--admin-tls-cert and");
  const { http } = intakeOf({ ...given, httpTlsCert, httpTlsKey: "server.key" });
  expect(http).toMatchObject({ tls: { certFile: "server.pem", keyFile: "server.key" } });
  expect(intakeOf(given).http).not.toHaveProperty("tls");
});
