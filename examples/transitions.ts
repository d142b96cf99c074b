// Follows who enters and leaves resonating, as it happens. Published at most once to who listens: a service that may
// miss none reads the stream RESONANCE_TRANSITIONS instead, which keeps them for a day.
import { ask, connectEngine } from "./engine.ts";

type Transition = { user: string; kind: "entered" | "left"; probability: number };

const engine = await connectEngine("transitions");
const listening = engine.subscribe("resonance.v1.transitions.sport.*", { max: 1, timeout: 20_000 });
await engine.flush(); // The server knows of it before the first click.

const user = `climber-${Date.now()}`;
for (let i = 0; i < 12; i++)
  await ask(engine, "ingest", {
    ...{ id: `${i}`, user, type: "view", ts: Date.now(), item: `climbing-${i}`, categories: ["climbing"] },
  });
for await (const message of listening) {
  const { kind, probability } = message.json<Transition>();
  const segment = message.subject.split(".").at(-1);
  console.log(`a visitor ${kind} ${segment} at ${(probability * 100).toFixed(1)} %`);
}
await engine.close();
