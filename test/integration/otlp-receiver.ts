import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A span, as it was sent. */
export type ReceivedSpan = Readonly<{
  traceId: string;
  spanId: string;
  parentId: string;
  name: string;
  links: readonly Readonly<{ traceId: string; spanId: string }>[];
  attributes: Readonly<Record<string, string | number>>;
  /** Of the process that sent it. */
  resource: Readonly<Record<string, string | number>>;
}>;

/** Takes traces over OTLP (HTTP, protobuf). */
export type OtlpReceiver = Readonly<{
  url: string;
  spans: readonly ReceivedSpan[];
  /** All bytes that came, to look for what must not be in them. */
  received(): Buffer;
  close(): Promise<void>;
}>;

/** Starts a receiver on a free port. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: Buffer[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      bodies.push(body);
      if (request.url === "/v1/traces") spans.push(...readRequest(body));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    received: () => Buffer.concat(bodies),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

type Field = Readonly<{ number: number; value: number; bytes: Buffer }>;

/** The fields of a protobuf message. @see https://protobuf.dev/programming-guides/encoding/ */
function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wire = key % 8;
    if (wire === 0) fields.push({ number, value: varint(), bytes: Buffer.alloc(0) });
    else {
      const length = wire === 2 ? varint() : wire === 1 ? 8 : 4;
      fields.push({ number, value: 0, bytes: message.subarray(at, at + length) });
      at += length;
    }
  }
  return fields;
}

const partsOf = (message: Buffer, number: number): Buffer[] =>
  fieldsOf(message).flatMap((field) => (field.number === number ? [field.bytes] : []));
const textOf = (message: Buffer, number: number): string => String(partsOf(message, number)[0] ?? "");
const hexOf = (message: Buffer, number: number): string =>
  (partsOf(message, number)[0] ?? Buffer.alloc(0)).toString("hex");

/** Of `ExportTraceServiceRequest`, by the numbers of opentelemetry-proto's trace.proto. */
function readRequest(body: Buffer): ReceivedSpan[] {
  return partsOf(body, 1).flatMap((resourceSpans) => {
    const resource = attributesOf(partsOf(resourceSpans, 1)[0] ?? Buffer.alloc(0), 1);
    return partsOf(resourceSpans, 2).flatMap((scopeSpans) =>
      partsOf(scopeSpans, 2).map((span) => ({
        traceId: hexOf(span, 1),
        spanId: hexOf(span, 2),
        parentId: hexOf(span, 4),
        name: textOf(span, 5),
        links: partsOf(span, 13).map((link) => ({ traceId: hexOf(link, 1), spanId: hexOf(link, 2) })),
        attributes: attributesOf(span, 9),
        resource,
      })),
    );
  });
}

function attributesOf(message: Buffer, number: number): Record<string, string | number> {
  const pairs = partsOf(message, number).map((pair) => {
    const [value] = fieldsOf(partsOf(pair, 2)[0] ?? Buffer.alloc(0));
    return [textOf(pair, 1), value?.number === 1 ? String(value.bytes) : (value?.value ?? 0)] as const;
  });
  return Object.fromEntries(pairs);
}
