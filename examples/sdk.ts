// The client library: batching, retries, shards asked without a gateway, and your own writes read back.
// A service of its own imports "resonance-map".
import { connect } from "../sdk/src/index.ts";
import { engineUrl } from "./engine.ts";

await using resonance = await connect({ servers: engineUrl(), name: "example" });

const user = `sdk-${Date.now()}`;
const { positions } = await resonance.ingest(
  ["running-1", "running-4", "running-7"].map((item) => ({
    user,
    type: "view",
    item,
    categories: ["running"],
  })),
);
const score = await resonance.score(user, { map: "sport", atLeast: positions });
for (const { segment, probability } of score.segments)
  console.log(`${segment}: ${(probability * 100).toFixed(1)} %`);

const shown = await resonance.content(user, "home");
await resonance.feedback({ user, decision: shown.decision }, "impression");
console.log(`shown: ${shown.content}`);
