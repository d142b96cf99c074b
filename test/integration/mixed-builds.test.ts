import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ScoreReply } from "../../src/gateway/score.ts";
import { startNats } from "../start-nats.ts";
import { aDeployment, type Deployment } from "./a-deployment.ts";

/** A build from before nodes told what they run. Its contexts are those of today: else both could not share a cluster. */
const OLD = "252674d";
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SHARDS = 4;
const TIMEOUT_MS = 240_000;
const run = promisify(execFile);

const hasHistory = await run("git", ["cat-file", "-e", `${OLD}^{commit}`], { cwd: ROOT }).then(
  () => true,
  () => false,
);

describe.skipIf(!hasHistory)(
  `an old build (${OLD}) and this one${hasHistory ? "" : ": this checkout has no history"}`,
  () => {
    test(
      "share a cluster and hand over both ways: scores agree, and nothing is lost",
      async () => {
        const nats = await startNats();
        onTestFinished(() => nats.stop());
        const old = { main: await oldBuild() };
        const deployment = await aDeployment(nats.url, SHARDS);
        onTestFinished(() => deployment.close());
        const { client, send, up } = deployment;

        const first = await up("old", { how: old });
        await send(1_000);
        const second = await up("new");
        await together(deployment);
        await send(500);
        // Either gateway answers, and the old one does not know of versions.
        const told = async () => {
          const status = (await client.ask("status", {})) as {
            cluster: { nodes: { name: string; version?: string }[] };
          };
          return status.cluster.nodes.map(({ name, version }) => [name, version === undefined]);
        };
        const versions = [
          ["new", false],
          ["old", true],
        ];
        await expect.poll(told, { timeout: 20_000 }).toEqual(versions);

        const before = await scores(deployment);
        expect(await first.stop()).toBe(0);
        await ownedBy(deployment, "new");
        expect(await scores(deployment)).toEqual(before);
        await send(500);

        const third = await up("old", { how: old });
        await together(deployment);
        const again = await scores(deployment);
        expect(await second.stop()).toBe(0);
        await ownedBy(deployment, "old");
        expect(await scores(deployment)).toEqual(again);
        await send(500);

        await up("new").then(async (last) => {
          await together(deployment);
          await deployment.until((owners) => owners.every(({ lag }) => lag === 0));
          expect(await third.stop()).toBe(0);
          await ownedBy(deployment, "new");
          await send(100);
          expect(await last.stop()).toBe(0);
        });
        await deployment.expectAllFolded("new");
      },
      TIMEOUT_MS,
    );
  },
);

/** The sources of the old build, beside the packages of this checkout, which has all that it needs. */
async function oldBuild(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "resonance-old-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "old"));
  await run("git", ["archive", "--output", join(folder, "old.tar"), OLD, "src", "package.json"], {
    cwd: ROOT,
  });
  await run("tar", ["-xf", join(folder, "old.tar"), "-C", join(folder, "old")]);
  await symlink(join(ROOT, "node_modules"), join(folder, "old", "node_modules"));
  return join(folder, "old", "src", "cli", "main.ts");
}

/** Both nodes own something, and the copies have caught up. */
async function together(deployment: Deployment): Promise<void> {
  for (;;) {
    const owners = await deployment.until(() => true);
    const status = (await deployment.client.ask("status", {})) as {
      cluster: { units: { next: string | null; standbys: string[]; ready: string[] }[] };
    };
    const { units } = status.cluster;
    const isCalm = units.every(
      ({ next, ready, standbys }) => next === null && standbys.length > 0 && ready.length === standbys.length,
    );
    if (isCalm && new Set(owners.map(({ node }) => node)).size === 2) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ownedBy(deployment: Deployment, name: string): Promise<void> {
  await deployment.until((owners) => owners.every(({ node, lag }) => node === name && lag === 0));
}

/** What is told of some visitors, once it has not changed for a second: profiles are published behind what is folded. */
async function scores({ client }: Deployment): Promise<unknown> {
  const look = async (): Promise<unknown[]> => {
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) => client.ask("score", { user: `visitor-${i + 1}` })),
    );
    return (replies as ScoreReply[]).map(({ user, known, segments, none }) => ({
      user,
      known,
      segments,
      none,
    }));
  };
  for (let before = await look(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const now = await look();
    if (JSON.stringify(now) === JSON.stringify(before)) return now;
    before = now;
  }
}
