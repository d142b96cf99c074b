import { createHash } from "node:crypto";
import { mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createUser, fromPublic } from "@nats-io/nkeys";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AskedRequest, requestLock, type Verdict } from "../../src/adapters/request-lock.ts";
import { type SignedRequest, signed } from "../../src/adapters/request-signature.ts";

const NOW_MS = Date.UTC(2026, 10, 26);
const operator = createUser();
const reader = createUser();
const stranger = createUser();
let folder = "";
let file = "";
let nowMs = NOW_MS;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "resonance-lock-"));
  file = join(folder, "roles.json");
  await writeLock({ [operator.getPublicKey()]: "operator", [reader.getPublicKey()]: "reader" });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const writeLock = (keys: Record<string, string>): Promise<void> =>
  writeFile(file, JSON.stringify({ prefix: "resonance", keys }));
const aLock = () => requestLock(file, () => nowMs);
const aPut = (given: Partial<SignedRequest> = {}): SignedRequest => ({
  subject: "resonance.v1.segments.put",
  replyTo: "_INBOX_operator.abc",
  contentType: "",
  data: new TextEncoder().encode('{"maps":[]}'),
  ...given,
});
const by = (pair: typeof operator, request: SignedRequest, atMs = NOW_MS): AskedRequest => ({
  ...request,
  signature: signed(request, pair.getSeed(), atMs),
});
const codeOf = (verdict: Verdict): string => (verdict.kind === "refused" ? verdict.error.code : verdict.kind);

test("an operator's signed request is served, once", () => {
  const lock = aLock();
  const request = by(operator, aPut());
  expect(codeOf(lock(request))).toBe("served");
  expect(codeOf(lock(request))).toBe("BAD_SIGNATURE");
  expect(codeOf(lock(by(operator, aPut())))).toBe("served");
});

test("who has signed a request is told by their public key; nobody has signed what need not be", () => {
  const lock = aLock();
  expect(lock(by(operator, aPut()))).toEqual({ kind: "served", by: operator.getPublicKey() });
  const score = aPut({ subject: "resonance.v1.score", replyTo: "_INBOX_reader.abc" });
  expect(lock({ ...score, signature: "" })).toEqual({ kind: "served" });
});

test("a signature is what any nkey library makes of the text that docs/security.md describes", () => {
  const request = aPut();
  const [key, atMs, nonce, signature] = signed(request, operator.getSeed(), NOW_MS).split(" ");
  const body = createHash("sha256").update(request.data).digest("hex");
  const text = `resonance-request-1\n${request.subject}\n${request.replyTo}\n\n${atMs}\n${nonce}\n${body}`;
  const bytes = Buffer.from(signature ?? "", "base64url");
  expect(fromPublic(key ?? "").verify(Buffer.from(text), bytes)).toBe(true);
  const made = Buffer.from(operator.sign(Buffer.from(text))).toString("base64url");
  expect(codeOf(aLock()({ ...request, signature: `${key} ${atMs} ${nonce} ${made}` }))).toBe("served");
});

test("a request that has to be signed and is not is told so", () => {
  expect(codeOf(aLock()({ ...aPut(), signature: "" }))).toBe("SIGNATURE_REQUIRED");
});

test("nothing of a signed request can be changed", () => {
  const changes: Partial<SignedRequest>[] = [
    { subject: "resonance.v1.content.put" },
    { replyTo: "_INBOX_operator.other" },
    { contentType: "application/msgpack" },
    { data: new TextEncoder().encode('{"maps":[1]}') },
  ];
  for (const change of changes)
    expect(codeOf(aLock()({ ...by(operator, aPut()), ...change })), JSON.stringify(change)).toBe(
      "BAD_SIGNATURE",
    );
});

test("whatever stands in the header, only the signature itself counts", () => {
  const lock = aLock();
  const good = by(operator, aPut()).signature;
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, letter) => {
      fc.pre(good[at] !== letter);
      // The last letter of a signature holds two bits that mean nothing: it is one text of several for the same bytes.
      fc.pre(at < good.length - 1);
      const signature = good.slice(0, at) + letter + good.slice(at + 1);
      return codeOf(lock({ ...aPut(), signature })) === "BAD_SIGNATURE";
    }),
  );
  fc.assert(
    fc.property(
      fc.string(),
      (text) => codeOf(lock({ ...aPut(), signature: `x${text}` })) === "BAD_SIGNATURE",
    ),
  );
});

test("a key of another role, and one that nobody knows, sign for nobody", () => {
  const lock = aLock();
  expect(codeOf(lock(by(reader, aPut({ replyTo: "" }))))).toBe("FORBIDDEN");
  expect(codeOf(lock(by(stranger, aPut())))).toBe("BAD_SIGNATURE");
});

test("a signature is for thirty seconds, to both sides; within them its nonce is remembered", () => {
  for (const [agoMs, code] of [
    [31_000, "BAD_SIGNATURE"],
    [-31_000, "BAD_SIGNATURE"],
    [29_000, "served"],
    [-29_000, "served"],
  ] as const)
    expect(codeOf(aLock()(by(operator, aPut(), NOW_MS - agoMs))), `${agoMs}`).toBe(code);
  const lock = aLock();
  const early = by(operator, aPut(), NOW_MS + 29_000); // As a clock that is ahead signs: it counts for longest.
  expect(codeOf(lock(early))).toBe("served");
  nowMs = NOW_MS + 58_000;
  expect(codeOf(lock(by(operator, aPut(), nowMs)))).toBe("served");
  expect(codeOf(lock(early))).toBe("BAD_SIGNATURE");
  nowMs = NOW_MS;
});

test("an answer goes to an inbox of a role that may ask, or nowhere", () => {
  const lock = aLock();
  const ask = (subject: string, replyTo: string): string =>
    codeOf(lock({ subject, replyTo, contentType: "", data: new Uint8Array(), signature: "" }));
  expect(ask("resonance.v1.score", "_INBOX_reader.a")).toBe("served");
  expect(ask("resonance.v1.score", "_INBOX_producer.a")).toBe("FORBIDDEN");
  expect(ask("resonance.v1.ingest", "_INBOX_reader.a")).toBe("FORBIDDEN");
  expect(ask("resonance.v1.ingest", "_INBOX_producer.a")).toBe("served");
  expect(ask("resonance.v1.ingest", "")).toBe("served"); // Nobody waits for an answer.
  expect(ask("resonance.internal.shard.0.score", "_INBOX_operator.a")).toBe("FORBIDDEN");
  expect(ask("resonance.internal.shard.0.score", "_INBOX_node.a")).toBe("served");
  for (const replyTo of [
    "$JS.API.STREAM.PURGE.RESONANCE_LOG_0",
    "RESONANCE_LOG_0",
    "_INBOX.a",
    "resonance.v1.ingest",
  ])
    expect(ask("resonance.v1.score", replyTo), replyTo).toBe("dropped");
});

test("a key that is taken out of the file counts no more within a second, and a broken file changes nothing", async () => {
  const lock = aLock();
  expect(codeOf(lock(by(operator, aPut())))).toBe("served");
  await writeLock({ [reader.getPublicKey()]: "reader" });
  await utimes(file, 1, 1);
  nowMs = NOW_MS + 1_001;
  expect(codeOf(lock(by(operator, aPut(), nowMs)))).toBe("BAD_SIGNATURE");
  await writeFile(file, "{");
  await utimes(file, 2, 2);
  nowMs = NOW_MS + 2_002;
  expect(codeOf(lock(by(reader, aPut({ replyTo: "" }), nowMs)))).toBe("FORBIDDEN"); // The reader is known still.
  expect(() => requestLock(file)).toThrow(expect.objectContaining({ code: "BAD_LOCK_FILE" }));
});
