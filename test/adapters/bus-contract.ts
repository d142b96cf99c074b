import { expect, test } from "vitest";
import type { Bus, BusRequest } from "../../src/actors/bus.ts";
import { EngineError } from "../../src/kernel/engine-error.ts";
import { bytesOf, textOf } from "./log-messages.ts";

const JSON_TYPE = "application/json";

/** What every {@link Bus} must do. */
export function busContract(bus: () => Bus): void {
  let subjects = 0;
  const aSubject = (): string => {
    subjects += 1;
    return `test.subject${subjects}`;
  };
  const ask = (subject: string, text = "question", contentType?: string) =>
    bus().request(subject, bytesOf(text), {
      timeoutMs: 2_000,
      ...(contentType === undefined ? {} : { contentType }),
    });
  const echo = ({ data, contentType }: BusRequest) => ({ data, contentType });

  test("a request gets the server's reply", async () => {
    const subject = aSubject();
    const server = await bus().serve(subject, echo);
    const reply = await ask(subject);
    expect(textOf(reply)).toBe("question");
    expect(reply.error).toBeUndefined();
    await server.close();
  });

  test("the server sees subject and content type, and the reply carries its own", async () => {
    const subject = aSubject();
    const seen: BusRequest[] = [];
    const server = await bus().serve(`${subject}.*`, (request) => {
      seen.push(request);
      return { data: bytesOf("{}"), contentType: JSON_TYPE };
    });
    const reply = await ask(`${subject}.a`, "x", "application/msgpack");
    expect(seen).toMatchObject([{ subject: `${subject}.a`, contentType: "application/msgpack" }]);
    expect(reply.contentType).toBe(JSON_TYPE);
    await ask(`${subject}.b`);
    expect(seen[1]?.contentType).toBe("");
    await server.close();
  });

  test("nobody there is an error at once, not a timeout", async () => {
    await expect(ask(aSubject())).rejects.toMatchObject({ code: "NO_RESPONDERS", retryable: true });
  });

  test("no answer in time is an error", async () => {
    const subject = aSubject();
    let release = (): void => undefined;
    const server = await bus().serve(subject, async (request) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return echo(request);
    });
    const request = bus().request(subject, bytesOf("x"), { timeoutMs: 30 });
    await expect(request).rejects.toMatchObject({ code: "TIMEOUT", retryable: true });
    release();
    await server.close();
  });

  test.each(["", JSON_TYPE, "application/msgpack"])(
    "an error crosses as it is, content type '%s'",
    async (contentType) => {
      const subject = aSubject();
      const detail = { shard: 3, name: "Zoë" };
      const server = await bus().serve(subject, () => {
        throw new EngineError({ code: "SHARD_BUSY", message: "wait\na little", retryable: true, detail });
      });
      const { error } = await ask(subject, "x", contentType);
      expect(error).toEqual({ code: "SHARD_BUSY", message: "wait\na little", retryable: true, detail });
      await server.close();
    },
  );

  test("a bug in a handler is answered as an internal error", async () => {
    const subject = aSubject();
    const server = await bus().serve(subject, async () => {
      throw new TypeError("x is not a function");
    });
    expect((await ask(subject)).error).toMatchObject({ code: "INTERNAL", message: "x is not a function" });
    await server.close();
  });

  test("another one may answer in the place of whom a request was sent to, and its answer is the first that counts", async () => {
    const subject = aSubject();
    const other = await bus().serve(`${subject}-other`, ({ data }) => {
      const said = { data: bytesOf("from elsewhere"), contentType: "application/msgpack" };
      bus().answer(textOf({ data }), said);
      bus().answer(textOf({ data }), { data: bytesOf("too late"), contentType: "" });
      return { data: bytesOf("done"), contentType: "" };
    });
    const server = await bus().serve(subject, async ({ replyTo = "" }) => {
      await ask(`${subject}-other`, replyTo);
      return undefined;
    });
    const reply = await ask(subject);
    expect(textOf(reply)).toBe("from elsewhere");
    expect(reply.contentType).toBe("application/msgpack");
    await server.close();
    await other.close();
  });

  test("servers of one queue share the requests: each is answered once", async () => {
    const subject = aSubject();
    const counts = [0, 0];
    const servers = await Promise.all(
      counts.map((_, index) =>
        bus().serve(
          subject,
          (request) => {
            counts[index] = (counts[index] ?? 0) + 1;
            return echo(request);
          },
          { queue: "q" },
        ),
      ),
    );
    await Promise.all(Array.from({ length: 60 }, () => ask(subject)));
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(60);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    for (const server of servers) await server.close();
  });

  test("a closed server no longer answers, but finishes what it has begun", async () => {
    const subject = aSubject();
    let begun = (): void => undefined;
    let release = (): void => undefined;
    const beginning = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const server = await bus().serve(subject, async (request) => {
      begun();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return echo(request);
    });
    const answer = ask(subject);
    await beginning;
    const closed = server.close();
    release();
    expect(textOf(await answer)).toBe("question");
    await closed;
    await expect(ask(subject)).rejects.toMatchObject({ code: "NO_RESPONDERS" });
  });

  test("a subscriber hears all messages under its subject, in order, until it closes", async () => {
    const subject = aSubject();
    const heard: string[] = [];
    const subscription = await bus().subscribe(`${subject}.>`, (of, data) => {
      heard.push(`${of.slice(subject.length + 1)} ${textOf({ data })}`);
    });
    const fence = await bus().serve(`${subject}-fence`, echo);
    bus().publish(`${subject}.a`, bytesOf("1"));
    bus().publish(`${subject}.a.b`, bytesOf("2"));
    bus().publish(subject, bytesOf("3"));
    await ask(`${subject}-fence`); // What was published before this request was delivered before its answer.
    expect(heard).toEqual(["a 1", "a.b 2"]);
    await subscription.close();
    bus().publish(`${subject}.a`, bytesOf("4"));
    await ask(`${subject}-fence`);
    expect(heard).toHaveLength(2);
    await fence.close();
  });
}
