import { Svcm } from "@nats-io/services";
import { expect, test } from "vitest";
import type { BusReply, BusRequest } from "../../src/actors/bus.ts";
import { natsBus } from "../../src/adapters/nats-bus.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { mountService } from "../../src/adapters/nats-service.ts";
import { bytesOf, textOf } from "./log-messages.ts";
import { describeWithNats, type NatsSuite } from "./with-nats.ts";

const echo = async ({ data, contentType }: BusRequest): Promise<BusReply> => ({ data, contentType });

await describeWithNats("a service", (suite) => {
  test("its endpoints answer under the prefix", async () => {
    const service = await mountService(suite().nc, { score: echo, "segments.put": echo }, { prefix: "res" });
    expect(textOf(await ask(suite(), "res.v1.score", "a"))).toBe("a");
    expect(textOf(await ask(suite(), "res.v1.segments.put", "b"))).toBe("b");
    await service.close();
    await expect(ask(suite(), "res.v1.score", "a")).rejects.toMatchObject({ code: "NO_RESPONDERS" });
  });

  test("it answers $SRV.PING, INFO and STATS, with what each endpoint did", async () => {
    const failing = async (): Promise<BusReply> => {
      throw new Error("broken");
    };
    const options = { prefix: "stat", version: "1.2.3" };
    const service = await mountService(suite().nc, { score: echo, "segments.put": failing }, options);
    await ask(suite(), "stat.v1.score", "a");
    await ask(suite(), "stat.v1.segments.put", "a");
    const ping = (await suite().nc.request("$SRV.PING.stat")).json();
    expect(ping).toMatchObject({ name: "stat", version: "1.2.3", type: "io.nats.micro.v1.ping_response" });
    const info = (await suite().nc.request("$SRV.INFO.stat")).json<{ endpoints: object[] }>();
    expect(info.endpoints).toMatchObject([
      { name: "score", subject: "stat.v1.score", queue_group: "stat" },
      { name: "segments-put", subject: "stat.v1.segments.put" },
    ]);
    const stats = (await suite().nc.request("$SRV.STATS.stat")).json<{ endpoints: object[] }>();
    expect(stats.endpoints).toMatchObject([
      { num_requests: 1, data: { answered: 1, failed: 0, refused: 0 } },
      { num_requests: 1, data: { answered: 1, failed: 1, refused: 0 } },
    ]);
    await service.close();
  });

  test("requests beyond the limit are refused at once, and later ones answered again", async () => {
    const held: (() => void)[] = [];
    const waiting = async (request: BusRequest): Promise<BusReply> => {
      await new Promise<void>((resolve) => held.push(resolve));
      return echo(request);
    };
    const service = await mountService(suite().nc, { slow: waiting }, { prefix: "full", inFlightMax: 2 });
    const asked = [ask(suite(), "full.v1.slow", "1"), ask(suite(), "full.v1.slow", "2")];
    const refused = await ask(suite(), "full.v1.slow", "3");
    expect(refused.error).toMatchObject({ code: "OVERLOADED", retryable: true });
    for (const release of held) release();
    expect((await Promise.all(asked)).map(textOf)).toEqual(["1", "2"]);
    const later = ask(suite(), "full.v1.slow", "4");
    await suite().nc.flush();
    await suite().nc.flush();
    held.at(-1)?.();
    expect(textOf(await later)).toBe("4");
    await service.close();
  });

  test("closing answers the requests in hand first", async () => {
    let release = (): void => undefined;
    const waiting = async (request: BusRequest): Promise<BusReply> => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return echo(request);
    };
    const service = await mountService(suite().nc, { slow: waiting }, { prefix: "closing" });
    const asked = ask(suite(), "closing.v1.slow", "x");
    await suite().nc.flush();
    await suite().nc.flush();
    const closing = service.close();
    release();
    expect(textOf(await asked)).toBe("x");
    await closing;
  });

  test("instances share the requests, and both are found", async () => {
    const other = await connectNats({ servers: [suite().nats.url], name: "other" });
    const services = [
      await mountService(suite().nc, { score: echo }, { prefix: "many" }),
      await mountService(other, { score: echo }, { prefix: "many" }),
    ];
    await Promise.all(Array.from({ length: 40 }, () => ask(suite(), "many.v1.score", "x")));
    const client = new Svcm(suite().nc as unknown as ConstructorParameters<typeof Svcm>[0]).client();
    const counts: number[] = [];
    for await (const { endpoints } of await client.stats("many"))
      counts.push(endpoints?.[0]?.num_requests ?? 0);
    expect(counts).toHaveLength(2);
    expect(counts.reduce((sum, count) => sum + count)).toBe(40);
    for (const service of services) await service.close();
    await other.close();
  });
});

function ask({ nc }: NatsSuite, subject: string, text: string): Promise<BusReply> {
  return natsBus(nc).request(subject, bytesOf(text), { timeoutMs: 2_000 });
}
