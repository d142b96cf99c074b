import { expect, test } from "vitest";
import { EventStream } from "../../bench/harness/event-source.ts";

const simulated = { kind: "simulated" } as const;

test("the same options give the same events, however they are taken", async () => {
  const whole = await new EventStream(simulated, { segments: 8 }).take(300);
  const parts = new EventStream(simulated, { segments: 8 });
  const [first, second] = await Promise.all([parts.take(100), parts.take(200)]);
  expect([...first, ...second]).toEqual(whole);
});

test("events that are passed over are those that would have come first", async () => {
  const whole = await new EventStream(simulated, { segments: 8 }).take(300);
  const later = new EventStream(simulated, { segments: 8 });
  await later.skip(250);
  expect(await later.take(50)).toEqual(whole.slice(250));
});

test("about every tenth user is labelled, once, right before the first event", async () => {
  const events = await new EventStream(simulated, { segments: 8, users: 1_000 }).take(3_000);
  const labelled = events.filter(({ type }) => type === "identify");
  expect(labelled.length).toBeGreaterThan(60);
  expect(labelled.length).toBeLessThan(140);
  for (const { user, id } of labelled) {
    expect(events.findIndex((event) => event.user === user)).toBe(
      events.findIndex((event) => event.id === id),
    );
  }
});

test("spread over users, the first events go to one user each, and no more users come after that", async () => {
  const events = await new EventStream(simulated, { segments: 8, users: 100 }).take(1_000);
  const acts = events.filter(({ type }) => type !== "identify");
  expect(new Set(acts.slice(0, 100).map(({ user }) => user)).size).toBe(100);
  expect(new Set(acts.map(({ user }) => user)).size).toBe(100);
});

test("streams of different names share neither users nor events", async () => {
  const [a, b] = await Promise.all(
    ["a-", "b-"].map((name) => new EventStream(simulated, { segments: 8, users: 50, name }).take(100)),
  );
  const ids = (events: typeof a) => events?.flatMap(({ id, user }) => [id, user]) ?? [];
  expect(ids(a).filter((id) => ids(b).includes(id))).toEqual([]);
});
