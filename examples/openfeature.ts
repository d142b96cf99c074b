// Feature flags that follow behaviour: each segment is a flag, each placement one whose variants are contents.
// A service of its own imports "resonance-map" and "resonance-map/openfeature".
import { OpenFeature } from "@openfeature/server-sdk";
import { connect } from "../sdk/src/index.ts";
import { ResonanceProvider } from "../sdk/src/openfeature.ts";
import { engineUrl } from "./engine.ts";

await using resonance = await connect({ servers: engineUrl() });
const provider = new ResonanceProvider({
  resonance,
  flags: { "climbing-banner": { kind: "segment", map: "sport", segment: "climber" } },
});
await OpenFeature.setProviderAndWait(provider);
const flags = OpenFeature.getClient();
for (const likes of ["running", "climbing"]) {
  const targetingKey = `flags-${likes}-${Date.now()}`;
  const views = Array.from({ length: 12 }, (_, i) => ({
    type: "view",
    item: `${likes}-${i}`,
    categories: [likes],
  }));
  const { positions } = await resonance.ingest(views.map((view) => ({ user: targetingKey, ...view })));
  await resonance.score(targetingKey, { atLeast: positions }); // Until the last view is in.
  const { value, reason } = await flags.getBooleanDetails("climbing-banner", false, { targetingKey });
  console.log(`who likes ${likes} is ${value ? "shown" : "spared"} the banner (${reason})`);
}
await OpenFeature.close();
