import { natsUnderTest } from "../adapters/nats-binaries.ts";
import { clusterSuite } from "./nats-cluster-suite.ts";

// A file of its own, so that both clusters wait for their elections at the same time.
for (const newer of (await natsUnderTest()).slice(1)) clusterSuite(newer);
