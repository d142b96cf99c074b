// Gives the engine something to know: 300 members of two tastes, as a month of a shop would.
import { ask, connectEngine } from "./engine.ts";

const HOUR_MS = 3_600_000;
const engine = await connectEngine("fill");
const nowMs = Date.now();
const events: object[] = [];
for (let member = 0; member < 300; member++) {
  const user = `member-${member}`;
  const [sport, own, other] =
    member % 2 === 0 ? ["runner", "running", "climbing"] : ["climber", "climbing", "running"];
  const startMs = nowMs - (1 + (member % 600)) * HOUR_MS;
  events.push({ id: `${user}-hello`, user, type: "identify", ts: startMs, segments: { sport } });
  for (let i = 0; i < 8; i++) {
    // One view in four is of the other sport: people are not that simple.
    const category = i % 4 === 3 ? other : own;
    const ts = startMs + (i + 1) * 60_000;
    events.push({
      id: `${user}-${i}`,
      user,
      type: "view",
      ts,
      item: `${category}-${(member + i) % 20}`,
      categories: [category],
    });
  }
}
let accepted = 0;
for (let from = 0; from < events.length; from += 500) {
  const reply = await ask<{ accepted: number }>(engine, "ingest", { events: events.slice(from, from + 500) });
  accepted += reply.accepted;
}
console.log(`${accepted} events of 300 members stored`);
await engine.close();
