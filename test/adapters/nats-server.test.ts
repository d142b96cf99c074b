import { execFileSync } from "node:child_process";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { natsServerBinary } from "../../src/adapters/nats-server.ts";
import { NATS_SERVER_RELEASE } from "../../src/adapters/nats-server-fetch.ts";
import type { NatsServerBinary } from "../../src/adapters/nats-server-find.ts";
import { sha256Hex } from "../../src/kernel/hash.ts";

const quiet = (): void => undefined;
const NO_PATH = "/nonexistent";

let usual: NatsServerBinary;
let work: string;
let folders = 0;
const aFolder = async (): Promise<string> => {
  folders += 1;
  const folder = join(work, String(folders));
  await mkdir(folder);
  return folder;
};

beforeAll(async () => {
  usual = await natsServerBinary({ env: process.env, report: quiet });
  work = await mkdtemp(join(tmpdir(), "resonance-find-"));
});
afterAll(async () => {
  await rm(work, { recursive: true, force: true });
});

describe("where a server comes from", () => {
  test("the variable NATS_SERVER comes first", async () => {
    const env = { NATS_SERVER: usual.path, PATH: dirname(usual.path), XDG_CACHE_HOME: await aFolder() };
    const found = await natsServerBinary({ env, report: quiet });
    expect(found).toEqual({ path: usual.path, version: usual.version, source: "env" });
  });

  test("then PATH", async () => {
    const env = { PATH: `${NO_PATH}:${dirname(usual.path)}`, XDG_CACHE_HOME: await aFolder() };
    expect(await natsServerBinary({ env, report: quiet })).toMatchObject({
      path: usual.path,
      source: "path",
    });
  });

  test("then the newest in the cache; one that does not run is passed over", async () => {
    const cache = await aFolder();
    for (const version of ["2.9.1", "2.10.0", "2.11.0"]) {
      await mkdir(join(cache, "resonance", "nats-server", version), { recursive: true });
      const path = join(cache, "resonance", "nats-server", version, "nats-server");
      await fakeServer(path, version === "2.11.0" ? "exit 1" : `echo nats-server: v${version}`);
    }
    const env = { PATH: NO_PATH, XDG_CACHE_HOME: cache };
    expect(await natsServerBinary({ env, report: quiet })).toMatchObject({
      version: "2.10.0",
      source: "cache",
    });
  });

  test("then the release, checked against its checksums, which stays in the cache", async () => {
    const page = await aReleasePage({ tampered: false });
    const env = { PATH: process.env["PATH"], XDG_CACHE_HOME: await aFolder(), NATS_SERVER: "" };
    const withoutServer = { ...env, PATH: pathWithout(env.PATH ?? "") };
    const first = await natsServerBinary({ env: withoutServer, report: quiet, releases: page.url });
    expect(first).toMatchObject({ version: "2.12.7", source: "release" });
    expect((await stat(first.path)).mode & 0o111).not.toBe(0);
    await page.close();
    const second = await natsServerBinary({ env: withoutServer, report: quiet, releases: page.url });
    expect(second).toEqual({ ...first, source: "cache" });
  });

  test("an archive with another checksum is refused; what failed, why, and the remedy are told", async () => {
    const page = await aReleasePage({ tampered: true });
    const lines: string[] = [];
    const env = { PATH: NO_PATH, XDG_CACHE_HOME: await aFolder(), NATS_SERVER: "/no/such/server" };
    const finding = natsServerBinary({ env, report: (line) => lines.push(line), releases: page.url });
    const error = await finding.then(
      () => undefined,
      (thrown: Error) => thrown,
    );
    await page.close();
    expect(error).toMatchObject({ code: "NATS_SERVER_UNAVAILABLE", retryable: false });
    for (const words of [
      "variable NATS_SERVER (/no/such/server): spawn /no/such/server ENOENT",
      "PATH: no usable nats-server",
      "cache: nothing usable in",
      /release v[\d.]+: checksum of nats-server-\S+ is/,
      "Debian package nats-server: spawn apt-get ENOENT",
      "install nats-server 2.9 or newer",
    ]) {
      expect(error?.message).toMatch(words);
    }
    expect(lines.some((line) => line.includes("fetching"))).toBe(true);
  });

  test("a server that is too old is passed over", async () => {
    const folder = await aFolder();
    await fakeServer(join(folder, "nats-server"), "echo nats-server: v2.8.4");
    const page = await aReleasePage({ tampered: true });
    const env = { PATH: folder, XDG_CACHE_HOME: await aFolder() };
    const finding = natsServerBinary({ env, report: quiet, releases: page.url });
    await expect(finding).rejects.toThrow(/is version 2\.8\.4, older than 2\.9\.0/);
    await page.close();
  });
});

async function fakeServer(path: string, script: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

/** A PATH on which `tar` is found but no server. */
function pathWithout(path: string): string {
  return path
    .split(":")
    .filter((folder) => folder !== dirname(usual.path))
    .join(":");
}

/** A release page on this machine: an archive as the project publishes it, and its checksums. */
async function aReleasePage(options: {
  tampered: boolean;
}): Promise<{ url: string; close(): Promise<void> }> {
  const folder = await aFolder();
  const name = `nats-server-v${NATS_SERVER_RELEASE}-${process.platform}-${process.arch === "x64" ? "amd64" : process.arch}`;
  await mkdir(join(folder, name));
  await fakeServer(join(folder, name, "nats-server"), `echo nats-server: v${NATS_SERVER_RELEASE}`);
  await copyFile(join(folder, name, "nats-server"), join(folder, name, "LICENSE"));
  execFileSync("tar", ["-czf", join(folder, "archive"), "-C", folder, name]);
  const archive = await readFile(join(folder, "archive"));
  const sum = options.tampered ? "0".repeat(64) : sha256Hex(archive);
  const server = createHttpServer((request, response) => {
    if (request.url === `/v${NATS_SERVER_RELEASE}/SHA256SUMS`) response.end(`${sum}  ${name}.tar.gz\n`);
    else if (request.url === `/v${NATS_SERVER_RELEASE}/${name}.tar.gz`) response.end(archive);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
