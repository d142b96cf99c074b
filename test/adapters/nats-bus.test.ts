import { headers } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { natsBus } from "../../src/adapters/nats-bus.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { busContract } from "./bus-contract.ts";
import { bytesOf } from "./log-messages.ts";
import { describeWithNats } from "./with-nats.ts";

await describeWithNats("a bus", (suite) => {
  busContract(() => natsBus(suite().nc));

  test("an error carries the headers of NATS micro services and a readable body", async () => {
    const { nc } = suite();
    const server = await natsBus(nc).serve("failing", () => {
      throw new EngineError({ code: "SHARD_BUSY", message: "wait", retryable: true });
    });
    const reply = await nc.request("failing");
    expect(reply.headers?.get("Nats-Service-Error-Code")).toBe("503");
    expect(reply.headers?.get("Nats-Service-Error")).toBe("SHARD_BUSY: wait");
    expect(reply.headers?.get("Content-Type")).toBe("application/json");
    expect(reply.json()).toEqual({ code: "SHARD_BUSY", message: "wait", retryable: true, detail: {} });
    await server.close();
  });

  test("another micro service's error is understood from its headers", async () => {
    const { nc } = suite();
    nc.subscribe("foreign", {
      callback: (_error, message) => {
        const header = headers();
        header.set("Nats-Service-Error-Code", "404");
        header.set("Nats-Service-Error", "no such thing");
        message.respond("plain words", { headers: header });
      },
    });
    await nc.flush();
    const { error } = await natsBus(nc).request("foreign", bytesOf(""), { timeoutMs: 1_000 });
    expect(error).toEqual({ code: "SERVICE_ERROR", message: "404 no such thing", retryable: false });
  });

  test("a reply that is too large for the server becomes an error that says so", async () => {
    const bus = natsBus(suite().nc);
    const server = await bus.serve("large", () => ({ data: new Uint8Array(2_000_000), contentType: "" }));
    const { error } = await bus.request("large", bytesOf(""), { timeoutMs: 1_000 });
    expect(error).toMatchObject({ code: "MESSAGE_TOO_LARGE", retryable: false });
    await server.close();
  });

  test("an answer in another's place that is too large fails where it is made", async () => {
    const bus = natsBus(suite().nc);
    const large = { data: new Uint8Array(2_000_000), contentType: "" };
    expect(() => bus.answer("anybody", large)).toThrow(
      expect.objectContaining({ code: "MESSAGE_TOO_LARGE", retryable: false }),
    );
  });

  test("requests under way are told at once when the connection ends", async () => {
    const nc = await connectNats({ servers: [suite().nats.url], name: "ending" });
    suite().nc.subscribe("silent", { callback: () => undefined });
    await suite().nc.flush();
    const asked = natsBus(nc).request("silent", bytesOf(""), { timeoutMs: 60_000 });
    const told = expect(asked).rejects.toMatchObject({ code: "NO_RESPONDERS", retryable: true });
    await nc.close();
    await told;
  });

  test("a request that is too large for the server is refused here", async () => {
    const request = natsBus(suite().nc).request("any", new Uint8Array(2_000_000), { timeoutMs: 1_000 });
    await expect(request).rejects.toMatchObject({ code: "MESSAGE_TOO_LARGE", retryable: false });
  });
});
