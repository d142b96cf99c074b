import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer as createPlain, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { validate } from "dockerfile-utils";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { freePort } from "../../src/adapters/free-port.ts";
import { makeCertificates } from "../../src/cli/auth/certificates.ts";
import { startNats } from "../start-nats.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "../..");
const TIMEOUT_MS = 300_000;
/** The image's user, and its group. */
const NOBODY = 65_532;

const dockerfile = await readFile(join(ROOT, "Dockerfile"), "utf8");

test("the Dockerfile has no mistake that its validator knows", () => {
  expect(validate(dockerfile).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  expect(validate("FROM node\nRUNN x\n")).not.toEqual([]);
});

test("the image ends without a shell, as nobody, with a probe of readiness", () => {
  const last = dockerfile.slice(dockerfile.lastIndexOf("\nFROM "));
  expect(last).toMatch(/^\nFROM gcr\.io\/distroless\//);
  expect(last).toContain(`USER ${NOBODY}:${NOBODY}`);
  expect(last).toMatch(/HEALTHCHECK[\s\S]*\/readyz/);
  // In a list each word stands for itself: there is no shell that could take it apart.
  for (const order of ["CMD", "ENTRYPOINT"]) expect(last).toMatch(new RegExp(`\\n *${order} \\["`));
  expect(last).not.toMatch(/\nRUN /);
});

describe("the image's health check", () => {
  test("takes a node that is ready, over plain HTTP or with a certificate for its name", async () => {
    const { server: tls } = await makeCertificates(["node.example"], 1);
    const listeners = [createPlain(), createSecure({ cert: tls.certificate, key: tls.key })];
    for (const listener of listeners) {
      let status = 200;
      listener.on("request", (asked: IncomingMessage, reply: ServerResponse) => {
        reply.writeHead(asked.url === "/readyz" ? status : 404).end();
      });
      const port = await listening(listener);
      expect(await healthCheck(port)).toBe(0);
      status = 503;
      expect(await healthCheck(port)).toBe(1);
    }
  });

  test("refuses a node that does not answer", async () => {
    expect(await healthCheck(await freePort(undefined))).toBe(1);
  });
});

test("what is not needed stays out of the build", async () => {
  const ignored = (await readFile(join(ROOT, ".dockerignore"), "utf8")).split("\n");
  for (const name of [".git", "**/node_modules", "**/resonance-data"]) expect(ignored).toContain(name);
});

test(
  "the image's steps, done in a clean folder, make a node that starts as nobody and is ready",
  async () => {
    const nats = await startNats();
    onTestFinished(() => nats.stop());
    const folder = await mkdtemp(join(tmpdir(), "resonance-image-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await chmod(folder, 0o755);
    const app = await install(folder);
    const entry = join(app, "dist/src/cli/main.js");
    for (const name of ["typescript", "vitest", "vite", "kubernetes-models"])
      await expect(stat(join(app, "node_modules", name)), name).rejects.toThrow();

    const data = join(folder, "data");
    await mkdir(data);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) await chown(data, NOBODY, NOBODY);
    const port = await freePort(undefined);
    const node = spawn(process.execPath, [entry, "up"], {
      env: {
        PATH: process.env["PATH"],
        HOME: "/nonexistent",
        RESONANCE_DATA: data,
        RESONANCE_ADMIN: `127.0.0.1:${port}`,
        RESONANCE_NATS_URL: nats.url,
        RESONANCE_SHARDS: "2",
        NODE_COMPILE_CACHE: join(data, "compiled"),
      },
      ...(isRoot ? { uid: NOBODY, gid: NOBODY } : {}),
      stdio: ["ignore", "ignore", "pipe"],
    });
    onTestFinished(() => void node.kill("SIGKILL"));
    expect(await statusOf(node, `http://127.0.0.1:${port}/healthz`)).toBe(200);
    expect(await statusOf(node, `http://127.0.0.1:${port}/readyz`)).toBe(200);
    if (isRoot)
      for (const name of await readdir(data)) expect((await stat(join(data, name))).uid).toBe(NOBODY);
    const ended = new Promise((resolve) => node.once("exit", resolve));
    node.kill("SIGTERM");
    expect(await ended).toBe(0);
  },
  TIMEOUT_MS,
);

/** Runs the Dockerfile's health check against another port. @returns How it ends. */
async function healthCheck(port: number): Promise<number> {
  const [, words] = /HEALTHCHECK.*\\\n +CMD (\[.*\])/.exec(dockerfile) ?? [];
  const [, ...args] = JSON.parse(words ?? "[]") as string[];
  const checking = args.map((word) => word.replace(":8090", `:${port}`));
  const ended = await run(process.execPath, checking).catch((thrown: { code: number }) => thrown);
  return "code" in ended ? ended.code : 0;
}

/** @returns The port. It is closed when the test ends. */
async function listening(listener: Server): Promise<number> {
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  return (listener.address() as AddressInfo).port;
}

/** What the first two stages do. @returns The folder that the image has as /app. */
async function install(folder: string): Promise<string> {
  const app = join(folder, "app");
  await mkdir(app);
  // Of this checkout, without its changing: the build writes to `dist`.
  const packing = ["pack", "--pack-destination", folder, "--json"];
  const { stdout } = await run("npm", packing, { cwd: ROOT, timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 });
  const [packed] = Object.values(JSON.parse(stdout.slice(stdout.search(/^[[{]/m)))) as { filename: string }[];
  await run("tar", ["-xzf", join(folder, packed?.filename ?? ""), "--strip-components=1", "-C", app]);
  await cp(join(ROOT, "package-lock.json"), join(app, "package-lock.json"));
  const { workspaces = [] } = parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    workspaces?: string[];
  };
  for (const name of workspaces)
    await cp(join(ROOT, name, "package.json"), join(app, name, "package.json"), { recursive: true });
  const installing = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  await run("npm", installing, { cwd: app, timeout: TIMEOUT_MS, maxBuffer: 2 ** 26 });
  for (const name of ["typescript", "@typescript"])
    await rm(join(app, "node_modules", name), { recursive: true, force: true });
  return app;
}

/** What it answers in the end; it is asked until that is 200, or the node ends. */
async function statusOf(node: ChildProcess, url: string): Promise<number> {
  let said = "";
  node.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  for (;;) {
    if (node.exitCode !== null) throw new Error(`the node ended with ${node.exitCode}:\n${said}`);
    const status = await fetch(url).then(
      (reply) => reply.status,
      () => 0,
    );
    if (status === 200) return status;
    await sleep(200);
  }
}
