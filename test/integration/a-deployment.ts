import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFailed } from "vitest";
import { lmdbContextStore } from "../../src/adapters/lmdb-context-store.ts";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { type Client, connectClient } from "../../src/cli/client.ts";
import { ingest } from "../../src/cli/ingest-pump.ts";
import { shopSimulator } from "../../src/cli/shop/shop-simulator.ts";
import { toWire } from "../../src/cli/shop/wire-event.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import type { StatusReply } from "../../src/gateway/status.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import type { ShardStatus } from "../../src/resonance/score-answer.ts";
import { decodeContext } from "../../src/shards/context-codec.ts";
import { startProcessGuard } from "../chaos/process-guard.ts";
import { foldAgain } from "./fold-again.ts";
import { definitionsFile } from "./node-client.ts";
import { type NodeProcess, type NodeProcessHow, startNodeProcess } from "./node-process.ts";

const PREFIX = "resonance";
const RING = 16;
const EVENTS_A_REQUEST = 100;
const INGEST_PATIENCE_MS = 1_000;
const PROBE_PATIENCE_MS = 300;
const ATTEMPT_PAUSE_MS = 20;

/** Nodes over a NATS server of a test's own, and a shop whose visitors' events they get. */
export type Deployment = Readonly<{
  client: Client;
  connection: Awaited<ReturnType<typeof connectNats>>;
  subjects: ReturnType<typeof subjectsOf>;
  /** Starts a node of that name; it reaches NATS at `nats` instead, if given. */
  up(name: string, given?: UpOptions): Promise<NodeProcess>;
  /** Sends the shop's next events, again and again if need be, until all are acknowledged. */
  send(events: number): Promise<void>;
  /** As {@link Deployment.send}, a request for each, so that each is a message of its own. */
  sendSingly(events: number): Promise<void>;
  /** Scores a visitor, another one each time. */
  score(): Promise<unknown>;
  /** What a holder of a shard's lease answers; undefined if nobody does. */
  owner(shard: number): Promise<ShardStatus | undefined>;
  /** Waits until the gateway finds owners of all shards that are such that this holds. @returns Them. */
  until(holds: (owners: readonly ShardStatus[]) => boolean): Promise<readonly ShardStatus[]>;
  /** After its stop, the node's stores hold every act sent, once, as one undisturbed run over the logs does. */
  expectAllFolded(name: string): Promise<void>;
  close(): Promise<void>;
}>;

type UpOptions = Readonly<{ nats?: string; options?: readonly string[]; how?: NodeProcessHow }>;

/**
 * A deployment of a test's own; if that fails, what its nodes said is printed.
 *
 * @param nats - URLs of the servers, separated by commas.
 */
export async function aDeployment(nats: string, shards: number): Promise<Deployment> {
  const folder = await mkdtemp(join(tmpdir(), "resonance-trouble-"));
  const guard = startProcessGuard(folder);
  const shop = shopSimulator({ seed: 8, visitors: 200, startMs: Date.UTC(2026, 0, 5) });
  const segments = await definitionsFile(folder, shop.definitions);
  const client = await connectClient({ nats, data: folder, prefix: PREFIX }, "trouble test");
  const connection = await connectNats({ servers: nats.split(","), name: "trouble test" });
  const subjects = subjectsOf(PREFIX);
  const nodes: NodeProcess[] = [];
  const visitors: string[] = [];
  const said: string[] = [];
  onTestFailed(() => void process.stdout.write(`${said.join("\n")}\n`));
  let acts = 0;
  let scores = 0;

  const owner = async (shard: number): Promise<ShardStatus | undefined> => {
    const subject = subjects.shard(shard, "status");
    const asking = client.bus.request(subject, new Uint8Array(), { timeoutMs: PROBE_PATIENCE_MS });
    const reply = await asking.catch(() => undefined); // Nobody, at the moment.
    return reply === undefined || reply.error !== undefined ? undefined : (decode(reply.data) as ShardStatus);
  };
  const sendNext = async (count: number): Promise<void> => {
    const events = Array.from({ length: count }, () => toWire(shop.next()));
    const { accepted, refused } = await ingest(client, events, INGEST_PATIENCE_MS);
    expect([accepted, refused]).toEqual([count, []]);
    acts += events.filter(({ type }) => type !== "identify").length;
    visitors.push(String(events[0]?.user));
  };
  return {
    client,
    connection,
    subjects,
    owner,
    async up(name, given = {}) {
      const own = ["--nats", given.nats ?? nats, "--data", join(folder, name), "--name", name];
      const same = ["--segments", segments, "--shards", String(shards), "--ring", String(RING), "--no-refit"];
      const how = {
        ...given.how,
        started: (pid: number) => guard.add(pid),
        said(line: string) {
          said.push(`${name}: ${line}`);
          given.how?.said?.(line);
        },
      };
      const node = await startNodeProcess([...own, ...same, ...(given.options ?? [])], how);
      nodes.push(node);
      return node;
    },
    async send(count) {
      for (let sent = 0; sent < count; sent += EVENTS_A_REQUEST) await sendNext(EVENTS_A_REQUEST);
    },
    async sendSingly(count) {
      for (let sent = 0; sent < count; sent += EVENTS_A_REQUEST)
        await Promise.all(Array.from({ length: EVENTS_A_REQUEST }, () => sendNext(1)));
    },
    score: () => client.ask("score", { user: visitors[scores++ % visitors.length] }),
    async until(holds) {
      for (;;) {
        const status = await client.ask("status", {}).catch(() => undefined);
        const owners = (status as StatusReply | undefined)?.shards.filter((shard) => shard.ready) ?? [];
        if (owners.length === shards && holds(owners)) return owners;
        await new Promise((resolve) => setTimeout(resolve, ATTEMPT_PAUSE_MS));
      }
    },
    async expectAllFolded(name) {
      let folded = 0;
      for (let shard = 0; shard < shards; shard++) {
        const again = await foldAgain(connection, subjects, { shard, ringEvents: RING });
        const store = lmdbContextStore(join(folder, name, "shards", String(shard)));
        try {
          expect(store.users()).toBe(again.users());
          for (const [user, bytes] of again.contexts()) {
            expect(Buffer.from(store.load(user) ?? []).equals(bytes), `${user} of shard ${shard}`).toBe(true);
            folded += decodeContext(user, bytes).events;
          }
        } finally {
          await store.close();
        }
      }
      expect(folded).toBe(acts);
    },
    async close() {
      for (const node of nodes) await node.kill();
      await client.close();
      await connection.close();
      await guard.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
