import { natsUnderTest } from "../adapters/nats-binaries.ts";
import { clusterSuite } from "./nats-cluster-suite.ts";

const [usual] = await natsUnderTest();
if (usual !== undefined) clusterSuite(usual);
