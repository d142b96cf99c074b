import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import type { BusReply } from "../../src/actors/bus.ts";
import { encodeReply } from "../../src/events/decode-request.ts";
import { fuzzWorld } from "./fuzz-world.ts";
import { httpTarget } from "./http-target.ts";
import { type FuzzReport, runFuzz } from "./run-fuzz.ts";

const BODY_MAX = 1_048_576;
const INPUTS = 300;

test("raw requests over HTTP, whole and broken, are answered or closed, and each body's refusal has its code", async () => {
  const world = await fuzzWorld();
  const report = await fuzzed((endpoint, data, contentType) => world.send(endpoint, data, contentType));
  expect(report.findings).toEqual([]);
  expect(report.answered).toBeGreaterThan(INPUTS / 10);
  expect(Object.keys(report.codes)).toContain("MALFORMED_JSON");
});

test("planted, it is found: an answer without a code, and one that never comes", async () => {
  const broken = await fuzzed(async () => Promise.reject(new Error("planted")));
  expect(broken.findings.join()).toContain("HTTP_500 is not documented");
  let asked = 0;
  const silent = await fuzzed(() => (++asked === 1 ? new Promise(() => {}) : Promise.resolve(NOTHING)));
  expect(silent.findings.join()).toContain("no answer within");
});

const NOTHING: BusReply = { data: encodeReply({}, "application/json"), contentType: "application/json" };

/** Fuzzes a bare server in front of a handler: what stands in for the intake where only the driver is tried. */
async function fuzzed(
  answer: (endpoint: string, data: Uint8Array, contentType: string) => Promise<BusReply>,
): Promise<FuzzReport> {
  const server = createServer((request, response) => {
    void respond(request, response, answer).catch(() => response.writeHead(500).end("no code here"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const target = httpTarget({ port, authorization: () => "Bearer key", endpoints: ["ingest", "score"] });
    return await runFuzz(target, { inputs: INPUTS, seed: 5 });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Parameters<typeof fuzzed>[0],
): Promise<void> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += (chunk as Buffer).length;
    if (length <= BODY_MAX) chunks.push(chunk as Buffer);
  }
  const endpoint = request.url === "/v1/score" ? "score" : "ingest";
  const reply = await answer(endpoint, Buffer.concat(chunks), request.headers["content-type"] ?? "");
  const body = Buffer.from(reply.data);
  const headers = { "Content-Type": reply.contentType, "Content-Length": body.length };
  response.writeHead(reply.error === undefined ? 200 : 400, headers).end(body);
}
