// Any NATS client will do: send what a visitor does, and ask at once, with their last click in the answer.
import { ask, connectEngine } from "./engine.ts";

type Position = { shard: number; sequence: number };
type Score = { segments: { segment: string; probability: number; resonating: boolean }[]; evidence: number };

const engine = await connectEngine("plain-nats");
const user = `visitor-${Date.now()}`;
for (let i = 0; i < 5; i++) {
  const event = {
    id: `click-${i}`,
    user,
    type: "view",
    ts: Date.now(),
    item: `running-${i}`,
    categories: ["running"],
  };
  const { positions } = await ask<{ positions: Position[] }>(engine, "ingest", event);
  // `atLeast` waits until the event is folded: read your own writes.
  const score = await ask<Score>(engine, "score", { user, map: "sport", atLeast: positions });
  const told = score.segments.map(
    ({ segment, probability }) => `${segment} ${(probability * 100).toFixed(1)} %`,
  );
  console.log(`after ${i + 1} views: ${told.join(", ")}`);
}
await engine.close();
