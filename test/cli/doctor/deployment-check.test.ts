import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  type DeploymentFacts,
  judgeDeployment,
  judgeFolder,
} from "../../../src/cli/doctor/deployment-check.ts";
import { examineFolder } from "../../../src/cli/doctor/examine-deployment.ts";

const MIB = 2 ** 20;
const stream = { storage: "file", replicas: 3, behind: 0, hasLeader: true } as const;
const sound: DeploymentFacts = {
  nats: {
    version: "2.12.1",
    atomicBatch: true,
    groupsOfMessages: true,
    syncAlways: true,
    losesStreamAtCrash: false,
    maxPayloadBytes: MIB,
    isCluster: true,
  },
  storage: { used: 10, limit: 100 },
  streams: [{ name: "LOG_0", ...stream }],
  expected: ["LOG_0"],
  skews: [{ of: "a", aheadMs: 20 }],
  status: {
    ready: true,
    lag: 5,
    unserved: 0,
    diskFull: 0,
    deadLetters: 0,
    nodes: [{ name: "a", version: "1.0.0", silentMs: 0 }],
  },
};
const status = (given: Partial<NonNullable<DeploymentFacts["status"]>>) =>
  ({ status: { ...sound.status, ...given } }) as Partial<DeploymentFacts>;

test("a deployment that is well is ok throughout, without advice", () => {
  for (const check of judgeDeployment(sound)) {
    expect(check.state, check.name).toBe("ok");
    expect(check).not.toHaveProperty("advice");
  }
});

test.for<readonly [code: string, state: string, given: Partial<DeploymentFacts>]>([
  ["NATS_TOO_OLD", "fail", { nats: { ...sound.nats, version: "2.8.4" } }],
  ["NATS_LOSES_STREAMS", "fail", { nats: { ...sound.nats, version: "2.10.4", losesStreamAtCrash: true } }],
  ["NATS_OLD", "warn", { nats: { ...sound.nats, version: "2.9.10", atomicBatch: false } }],
  ["MAX_PAYLOAD_SMALL", "fail", { nats: { ...sound.nats, maxPayloadBytes: MIB / 2 } }],
  ["MAX_PAYLOAD_LARGE", "warn", { nats: { ...sound.nats, maxPayloadBytes: 100 * MIB } }],
  ["JETSTREAM_FULL", "warn", { storage: { used: 81, limit: 100 } }],
  ["JETSTREAM_FULL", "fail", { storage: { used: 96, limit: 100 } }],
  ["JETSTREAM_NO_LIMIT", "warn", { storage: { used: 96, limit: -1 } }],
  ["STREAM_MISSING", "fail", { expected: ["LOG_0", "LOG_1"] }],
  ["STREAM_IN_MEMORY", "fail", { streams: [{ name: "LOG_0", ...stream, storage: "memory" }] }],
  ["STREAM_NO_LEADER", "fail", { streams: [{ name: "LOG_0", ...stream, hasLeader: false }] }],
  ["STREAM_COPY_BEHIND", "warn", { streams: [{ name: "LOG_0", ...stream, behind: 1 }] }],
  ["STREAM_FEW_COPIES", "warn", { streams: [{ name: "LOG_0", ...stream, replicas: 1 }] }],
  ["STREAMS_UNSEEN", "warn", { streams: undefined }],
  ["CLOCK_SKEW", "warn", { skews: [{ of: "a", aheadMs: -1_500 }] }],
  ["CLOCK_SKEW", "fail", { skews: [{ of: "a", aheadMs: 6_000 }] }],
  ["NO_NODE", "fail", { status: undefined }],
  ["NOT_READY", "fail", status({ ready: false, unserved: 2 })],
  ["NODE_SILENT", "warn", status({ nodes: [{ name: "a", version: "1.0.0", silentMs: 1_500 }] })],
  [
    "VERSIONS_MIXED",
    "warn",
    status({ nodes: ["1.0.0", undefined].map((version, i) => ({ name: `n${i}`, version, silentMs: 0 })) }),
  ],
  ["NODE_DISK_FULL", "fail", status({ diskFull: 1 })],
  ["LAG_HIGH", "warn", status({ lag: 20_000 })],
  ["LAG_HIGH", "fail", status({ lag: 600_000 })],
  ["DEAD_LETTERS", "warn", status({ deadLetters: 3 })],
])("%s is a %s, with what to do", ([code, state, given]) => {
  const found = judgeDeployment({ ...sound, ...given }).filter((check) => check.state !== "ok");
  const check = found.find((one) => one.code === code);
  expect(check).toMatchObject({ code, state });
  expect(check?.advice).toMatch(/\w{3}/);
});

test("stores that nobody uses, and files with keys that others may read, are found in a folder", async () => {
  const data = await mkdtemp(join(tmpdir(), "resonance-doctor-"));
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  for (const name of ["shards/0", "shards/1", "shards/2", "shards/1.corrupt-1", "shards-g2/0"])
    await mkdir(join(data, name), { recursive: true });
  await writeFile(join(data, "shards/2/data.mdb"), "1234");
  await writeFile(join(data, "http-keys.json"), "{}", { mode: 0o644 });
  const facts = await examineFolder(data, { shards: 2, generation: 1 }, []);
  expect(facts.orphans.map(({ path, bytes }) => [path.slice(data.length + 1), bytes]).sort()).toEqual([
    ["shards-g2", 0],
    ["shards/1.corrupt-1", 0],
    ["shards/2", 4],
  ]);
  const codes = async () =>
    judgeFolder(await examineFolder(data, { shards: 3, generation: 1 }, [])).map(({ code }) => code);
  expect(await codes()).toEqual(["KEY_FILE_OPEN", "STORES_ORPHANED"]);
  await chmod(join(data, "http-keys.json"), 0o600);
  for (const name of ["shards-g2", "shards/1.corrupt-1"]) await rm(join(data, name), { recursive: true });
  expect(await codes()).toEqual(["PERMISSIONS", "STORES"]);
});
