import { abilitiesOf, connectNats } from "../../src/adapters/nats-connection.ts";
import { connectClient } from "../../src/cli/client.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { benchAccess, benchIdentity } from "./bench-access.ts";
import { type Deployment, type DeploymentConfig, type DeploymentWorld, fill } from "./deployment.ts";
import { EventStream } from "./event-source.ts";

/** The deployment that `--nats` names: it gets events so that there are users to ask for; nothing is fitted. */
export async function givenDeployment(world: DeploymentWorld, config: DeploymentConfig): Promise<Deployment> {
  const { options, origin } = world;
  const url = options.nats ?? "";
  const client = await connectClient(
    { nats: url, data: "", prefix: options.prefix, identity: benchIdentity() },
    "resonance bench",
  );
  const connection = await connectNats({ ...benchAccess(url), name: "resonance bench" });
  const { version } = abilitiesOf(connection);
  await connection.close();
  const status = (await client.ask("status", {})) as StatusReply;
  const notOwned = (): never => {
    throw new Error("the nodes of this deployment are not the bench's to start");
  };
  let used = 0;
  const name = `${Date.now().toString(36)}-`; // What an earlier run sent is known there, and would count for nothing.
  const deployment: Deployment = {
    url,
    prefix: options.prefix,
    shards: status.shards.length,
    isOwned: false,
    server: { version, source: "given" },
    folder: "",
    users: [],
    client,
    async events() {
      const stream = new EventStream(origin, { segments: config.segments, name });
      await stream.skip(used);
      return stream;
    },
    newUsers: (count, given) =>
      new EventStream(origin, { segments: config.segments, users: count, name: `${given}${name}` }),
    startNode: async () => notOwned(),
    spawnNode: notOwned,
    shutDown: () => client.close(),
    close: () => client.close(),
  };
  const held = await fill(deployment, config.preparedEvents, world.report);
  used = held.events;
  return { ...deployment, users: held.users };
}
