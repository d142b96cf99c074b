// Shows contents and tells what became of them: the loop from which click rates by segment are learned.
import { ask, connectEngine } from "./engine.ts";

type Choice = { content: string; segment: string; propensity: number; decision: string };

const engine = await connectEngine("content-loop");
const shown = new Map<string, { times: number; clicks: number }>();
for (let i = 0; i < 200; i++) {
  const user = `shopper-${i}`;
  const likes = i % 2 === 0 ? "running" : "climbing";
  const view = {
    id: "v",
    user,
    type: "view",
    ts: Date.now(),
    item: `${likes}-${i % 20}`,
    categories: [likes],
  };
  const { positions } = await ask<{ positions: object[] }>(engine, "ingest", view);
  await ask(engine, "score", { user, atLeast: positions });
  const { content, decision } = await ask<Choice>(engine, "content", { user, placement: "home" });
  // Who runs clicks shoes, who climbs clicks the rope, half of the time.
  const clicks = content.startsWith(likes) && i % 4 < 2;
  const types = clicks ? ["impression", "click"] : ["impression"];
  const events = types.map((type) => ({ id: `${type}-${decision}`, user, type, ts: Date.now(), decision }));
  await ask(engine, "ingest", { events });
  const before = shown.get(content) ?? { times: 0, clicks: 0 };
  shown.set(content, { times: before.times + 1, clicks: before.clicks + (clicks ? 1 : 0) });
}
for (const [content, { times, clicks }] of shown)
  console.log(`${content}: shown ${times} times, clicked ${clicks}`);
await engine.close();
