import fc from "fast-check";
import { expect, test } from "vitest";
import { deploymentKeys, rotateDeploymentKeys } from "../../src/adapters/deployment-keys.ts";
import { entropyBytes } from "../../src/adapters/entropy.ts";
import { memoryBlobStore } from "../../src/adapters/memory-blob-store.ts";
import { sealedSessionTokens } from "../../src/adapters/session-tokens.ts";
import { SESSION_TOKEN_CHARS_MAX } from "../../src/gateway/session-tokens.ts";
import { CARRIED_BYTES_MAX } from "../../src/shards/carried-session.ts";

const NOW_MS = 1_767_225_600_000;
const BAD = { code: "BAD_TOKEN", retryable: false };

/** A deployment, and nodes of it. */
function aDeployment() {
  const blobs = memoryBlobStore();
  let monotonicMs = 0;
  let reads = 0;
  return {
    node: () =>
      sealedSessionTokens({
        keys: async () => {
          reads++;
          return (await deploymentKeys(blobs, entropyBytes)).rotating("session-tokens");
        },
        random: entropyBytes,
        clock: { monotonicMs: () => monotonicMs },
      }),
    rotate: () => rotateDeploymentKeys(blobs, entropyBytes),
    pass: (ms: number) => {
      monotonicMs += ms;
    },
    reads: () => reads,
  };
}

test("what one node sealed any other opens, until it expires", async () => {
  const deployment = aDeployment();
  const [one, other] = [await deployment.node(), await deployment.node()];
  const state = Uint8Array.from({ length: 1_000 }, (_, i) => i);
  const token = one.seal(state, NOW_MS + 10);
  expect(await other.open(token, NOW_MS)).toEqual(state);
  await expect(other.open(token, NOW_MS + 10)).rejects.toMatchObject({ ...BAD, message: /expired/ });
});

test("no two tokens of one state are alike, and none shows what is in it", async () => {
  const tokens = await aDeployment().node();
  const state = new TextEncoder().encode("ada".repeat(50));
  const [one, other] = [tokens.seal(state, NOW_MS), tokens.seal(state, NOW_MS)];
  expect(one).not.toBe(other);
  const bytes = Buffer.from(one, "base64url");
  expect(bytes.includes("ada")).toBe(false);
  expect(bytes.subarray(-64)).not.toEqual(Buffer.from(other, "base64url").subarray(-64));
});

test("a token with any one bit changed is refused, wherever that is", async () => {
  const tokens = await aDeployment().node();
  const bytes = Buffer.from(tokens.seal(Uint8Array.of(1, 2, 3), NOW_MS + 1), "base64url");
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    await expect(tokens.open(changed.toString("base64url"), NOW_MS), `bit ${bit}`).rejects.toMatchObject(BAD);
  }
});

test("a token that is cut, prolonged, or written otherwise is refused", async () => {
  const tokens = await aDeployment().node();
  const token = tokens.seal(Uint8Array.of(1, 2, 3), NOW_MS + 1);
  for (let end = 0; end < token.length; end++)
    await expect(tokens.open(token.slice(0, end), NOW_MS)).rejects.toMatchObject(BAD);
  const bytes = Buffer.from(token, "base64url");
  const others = [`${token}A`, `${token}=`, ` ${token}`, `${token}\n`, `${token}\0`, bytes.toString("hex")];
  for (const other of others) await expect(tokens.open(other, NOW_MS)).rejects.toMatchObject(BAD);
  const long = "A".repeat(SESSION_TOKEN_CHARS_MAX + 1);
  await expect(tokens.open(long, NOW_MS)).rejects.toMatchObject(BAD);
});

test("made-up tokens are refused, never worse", async () => {
  const tokens = await aDeployment().node();
  const madeUp = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from([1, ...bytes]).toString("base64url")),
  );
  const isRefused = async (token: string) => {
    await expect(tokens.open(token, NOW_MS)).rejects.toMatchObject(BAD);
  };
  await fc.assert(fc.asyncProperty(madeUp, isRefused), { numRuns: 500 });
});

test("another deployment's token is refused", async () => {
  const [here, there] = [await aDeployment().node(), await aDeployment().node()];
  await expect(here.open(there.seal(Uint8Array.of(1), NOW_MS + 1), NOW_MS)).rejects.toMatchObject(BAD);
});

test("after a rotation old tokens are opened and new ones made with the new key, by nodes that have not heard of it too", async () => {
  const deployment = aDeployment();
  const [early, late] = [await deployment.node(), await deployment.node()];
  const old = early.seal(Uint8Array.of(1), NOW_MS + 1);
  await deployment.rotate();
  await early.refresh();
  deployment.pass(1_000);
  expect(await early.open(old, NOW_MS)).toEqual(Uint8Array.of(1));
  const fresh = early.seal(Uint8Array.of(2), NOW_MS + 1);
  expect(Buffer.from(fresh, "base64url").readUInt32BE(1)).toBe(1);
  expect(await late.open(fresh, NOW_MS)).toEqual(Uint8Array.of(2));
});

test("three rotations later a token is refused", async () => {
  const deployment = aDeployment();
  const tokens = await deployment.node();
  const old = tokens.seal(Uint8Array.of(1), NOW_MS + 1);
  for (let i = 0; i < 3; i++) await deployment.rotate();
  await tokens.refresh();
  await expect(tokens.open(old, NOW_MS)).rejects.toMatchObject(BAD);
});

test("made-up numbers of keys make a node read its store once a second at most", async () => {
  const deployment = aDeployment();
  const tokens = await deployment.node();
  const forged = Buffer.from(tokens.seal(Uint8Array.of(1), NOW_MS + 1), "base64url");
  forged.writeUInt32BE(4_000_000_000, 1);
  const before = deployment.reads();
  for (let i = 0; i < 100; i++) {
    deployment.pass(25);
    await expect(tokens.open(forged.toString("base64url"), NOW_MS)).rejects.toMatchObject(BAD);
  }
  expect(deployment.reads() - before).toBe(2);
});

test("the most that a session carries fits a token", async () => {
  const tokens = await aDeployment().node();
  const token = tokens.seal(new Uint8Array(CARRIED_BYTES_MAX), NOW_MS + 1);
  expect(token.length).toBeLessThanOrEqual(SESSION_TOKEN_CHARS_MAX);
  expect(await tokens.open(token, NOW_MS)).toHaveLength(CARRIED_BYTES_MAX);
});
