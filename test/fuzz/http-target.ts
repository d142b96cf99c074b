import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import type { BusReply } from "../../src/actors/bus.ts";
import type { WireError } from "../../src/kernel/engine-error.ts";
import { hash32 } from "../../src/kernel/hash.ts";
import { decode } from "../../src/kernel/msgpack.ts";
import { type Random, seededRandom } from "../../src/kernel/random.ts";
import { type FuzzInput, JSON_TYPE, MSGPACK_TYPE } from "./fuzz-inputs.ts";
import { below, mutateBytes, pick } from "./mutate.ts";
import { RECORDED } from "./recorded-messages.ts";
import type { FuzzTarget } from "./run-fuzz.ts";

/** An HTTP intake that listens on this machine. */
export type HttpIntake = Readonly<{
  port: number;
  /** Value of the header for one who may use an endpoint; empty if nobody needs one. */
  authorization(endpoint: string): string;
  /** The endpoints that it serves, each at `/v1/` and its words joined by slashes. */
  endpoints: readonly string[];
}>;

/** Patience with an answer: who sends less than was announced gets none. */
const PATIENCE_MS = 5_000;
/** 16 MB of zeros in 16 KB. */
const BOMB = gzipSync(new Uint8Array(16_777_216));
/** A bomb inside a bomb, as some decoders inflate again. */
const BOMB_TWICE = gzipSync(BOMB);

/** Raw requests, most of them well formed around a hostile body, the others hostile themselves. */
export function httpTarget(intake: HttpIntake, left: () => readonly string[] = () => []): FuzzTarget {
  const wire = new Wire(intake.port);
  return {
    name: "http",
    shape: { endpoints: intake.endpoints, types: [JSON_TYPE, MSGPACK_TYPE], recorded: RECORDED },
    async send(input) {
      const { bytes, isWhole } = requestOf(intake, input);
      return replyOf(await wire.ask(bytes, isWhole));
    },
    left,
  };
}

type Request = Readonly<{
  bytes: Uint8Array /** Whether an answer is due before the connection ends. */;
  isWhole: boolean;
}>;

/** The same request for the same input. */
function requestOf(intake: HttpIntake, { endpoint, data, contentType }: FuzzInput): Request {
  const random = seededRandom(hash32(Buffer.from(data.subarray(0, 200)).toString("latin1"), data.length));
  const path = `/v1/${endpoint.replaceAll(".", "/")}`;
  const type = contentType.replaceAll(/[^\x20-\x7e]/g, "?");
  const shown = intake.authorization(endpoint);
  const auth = shown === "" ? [] : [`Authorization: ${shown}`];
  const usual = ["Host: shop.example", `Content-Type: ${type}`, ...auth];
  const whole = (head: readonly string[], body: Uint8Array, line = `POST ${path} HTTP/1.1`): Request => ({
    bytes: joined([line, ...head, `Content-Length: ${body.length}`], body),
    isWhole: true,
  });
  switch (below(random, 16)) {
    case 0:
      return whole([...usual, "Content-Encoding: gzip"], gzipSync(data));
    case 1:
      return whole(
        [...usual, `Content-Encoding: ${pick(random, ["gzip", "deflate", "br", "zstd", "x, gzip"])}`],
        data,
      );
    case 2: {
      const body = random() < 0.1 ? pick(random, [BOMB, BOMB_TWICE]) : gzipSync(data).subarray(0, 20);
      return whole([...usual, "Content-Encoding: gzip"], body);
    }
    case 3: {
      const chunk = `${data.length.toString(16)}\r\n`;
      const chunked = Buffer.concat([Buffer.from(chunk), data, Buffer.from("\r\n0\r\n\r\n")]);
      return {
        bytes: joined([`POST ${path} HTTP/1.1`, ...usual, "Transfer-Encoding: chunked"], chunked),
        isWhole: data.length > 0,
      };
    }
    case 4: {
      const length = pick(random, ["-1", "1e9", "99999999999999999999", "0x10", "", String(data.length + 9)]);
      return {
        bytes: joined([`POST ${path} HTTP/1.1`, ...usual, `Content-Length: ${length}`], data),
        isWhole: false,
      };
    }
    case 5: {
      const header = pick(random, HEADERS);
      const request = whole([...usual, `${header}: ${nastyHeader(random)}`], data);
      return { ...request, isWhole: !OF_FRAMING.includes(header) };
    }
    case 6: {
      const method = pick(random, METHODS);
      const request = whole(usual, data, `${method} ${pick(random, PATHS)} HTTP/1.1`);
      return { ...request, isWhole: !WITHOUT_BODY.includes(method) };
    }
    case 7:
      return whole(["Host: shop.example", `Authorization: ${pick(random, AUTHORIZATIONS)}`], data);
    case 8: {
      const request = whole(usual, data).bytes;
      return { bytes: mutateBytes(random, [request]), isWhole: false };
    }
    default:
      return whole(usual, data);
  }
}

/** Headers by which the end of a request, or of its answer, may be another one. */
const OF_FRAMING = ["Expect", "Upgrade", "Connection", "Transfer-Encoding"];
/** Answers to these have no body, whatever length they name; or there is none. */
const WITHOUT_BODY = ["HEAD", "CONNECT"];
const METHODS = ["GET", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "PATCH", "POST", "FOO", "CONNECT"];
const PATHS = [
  "/",
  "*",
  "/v1/../../etc/passwd",
  "//v1//ingest",
  "/v1/ingest%00",
  "/v1/%ff%fe",
  "/v1/ingest?__proto__=1",
  "/v1/%",
  "/healthz",
  `/${"a".repeat(9_000)}`,
  "http://other.example/v1/ingest",
];
const HEADERS = [
  "Origin",
  "X-Forwarded-For",
  "Expect",
  "Upgrade",
  "Connection",
  "Content-Type",
  "Accept",
  "Cookie",
  "Range",
  "Transfer-Encoding",
  "Host",
  "X-Odd",
  "Access-Control-Request-Method",
];
const AUTHORIZATIONS = [
  "",
  "Bearer",
  "Bearer ",
  "Bearer x",
  "Basic",
  "Basic ===",
  `Basic ${Buffer.from(":").toString("base64")}`,
  `Bearer ${"x".repeat(5_000)}`,
  "Negotiate \x7f",
  "Basic \u00ff\u00fe",
];

function nastyHeader(random: Random): string {
  const odd = [
    "null",
    "*",
    "https://evil.example",
    "100-continue",
    "websocket",
    "close, keep-alive",
    "x".repeat(20_000),
    "chunked, identity",
    "1,2,3",
    "\u00ff",
    "application/json; charset=utf-16",
    "bytes=0-",
    "::ffff:127.0.0.1",
  ];
  return pick(random, odd);
}

function joined(head: readonly string[], body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), body]);
}

type Answer = Readonly<{ status: number; contentType: string; body: Buffer }>;

/** A connection that is used again while answers come whole; undefined for a request that was cut off without one. */
class Wire {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async ask(bytes: Uint8Array, isWhole: boolean): Promise<Answer | undefined> {
    const socket = this.#socket ?? connect(this.#port, "127.0.0.1");
    this.#socket = undefined;
    const answer = await new Promise<Answer | undefined>((resolve, reject) => {
      let heard = Buffer.alloc(0);
      const settle = (answered: Answer | undefined): void => {
        clearTimeout(timer);
        socket.removeAllListeners();
        socket.on("error", () => {}); // It is not used any more, or the next request hears of it.
        resolve(answered);
      };
      const timer = setTimeout(() => {
        socket.removeAllListeners();
        socket.on("error", () => {});
        socket.resetAndDestroy();
        if (isWhole) reject(new Error(`no answer within ${PATIENCE_MS} ms`));
        else resolve(undefined);
      }, PATIENCE_MS);
      socket.on("data", (chunk) => {
        heard = Buffer.concat([heard, chunk]);
        const answered = wholeAnswer(heard);
        if (answered !== undefined) settle(answered);
      });
      socket.on("error", () => settle(undefined));
      socket.on("close", () => settle(undefined));
      socket.write(bytes);
      if (!isWhole) socket.end();
    });
    if (answer !== undefined && isWhole && answer.status < 400 && !socket.destroyed) this.#socket = socket;
    else socket.resetAndDestroy();
    return answer;
  }
}

/** An answer, once it is there to its end. */
function wholeAnswer(heard: Buffer): Answer | undefined {
  const headEnd = heard.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = heard.subarray(0, headEnd).toString("latin1");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0);
  if (status === 100) return wholeAnswer(heard.subarray(headEnd + 4));
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0);
  const body = heard.subarray(headEnd + 4);
  if (body.length < length) return undefined;
  const contentType = /\r\ncontent-type: ([^\r]+)/i.exec(head)?.[1] ?? "";
  return { status, contentType, body: body.subarray(0, length) };
}

/** An answer as one over NATS would be. A refusal below the engine, by the parser of HTTP, has no body. */
function replyOf(answer: Answer | undefined): BusReply {
  if (answer === undefined) return { data: Buffer.from("{}"), contentType: JSON_TYPE };
  const { status, body } = answer;
  const isPacked = answer.contentType.startsWith(MSGPACK_TYPE);
  const contentType = isPacked ? MSGPACK_TYPE : JSON_TYPE;
  if (status < 400 || (body.length === 0 && status < 500))
    return { data: body.length === 0 ? Buffer.from("{}") : body, contentType };
  return { data: body, contentType, error: errorIn(body, isPacked) ?? withoutCode(status) };
}

function errorIn(body: Buffer, isPacked: boolean): WireError | undefined {
  try {
    const error = (isPacked ? decode(body) : JSON.parse(body.toString("utf8"))) as Partial<WireError>;
    return typeof error.code === "string" ? (error as WireError) : undefined;
  } catch {
    return undefined;
  }
}

function withoutCode(status: number): WireError {
  return { code: `HTTP_${status}`, message: "an answer without a code", retryable: false };
}
