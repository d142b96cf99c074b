import { decodeRequest } from "../../events/decode-request.ts";
import { type Refusal, refuse } from "../../events/refusal.ts";
import { EngineError, toWireError, type WireError } from "../../kernel/engine-error.ts";
import type { HttpReply, HttpRequest, HttpRoute } from "../http/http-route.ts";
import { type Intake, takeItems } from "../intake.ts";
import type { ConsentCategories } from "./message-consent.ts";
import { MESSAGE_TYPES, type MessageFrame, type MessageType, messageEvents } from "./message-events.ts";
import { type Fields, fieldsIn } from "./read-value.ts";
import { segmentSettings } from "./segment-settings.ts";

/** What the routes of Segment's API need. */
export type SegmentParts = Readonly<{
  intake: Intake;
  /** The gateway's time, epoch ms. */
  nowMs(): number;
  categories: ConsentCategories;
}>;

/** Messages of a batch, as Segment has it. */
const BATCH_MESSAGES = 2_500;
const JSON_TYPE = "application/json";
const SUCCESS = written({ success: true });

/**
 * Segment's HTTP tracking API: a route for each call, `batch` and `import`, the short paths that analytics.js uses, and the settings that it
 * fetches. The write key is a producer's key.
 *
 * @see Segment, HTTP API Source; docs/segment-api.md.
 */
export function segmentRoutes(parts: SegmentParts): readonly HttpRoute[] {
  const bodies = new WeakMap<Uint8Array, ReturnType<typeof decodeRequest>>();
  /** A body is parsed once, though its key is looked for before its messages. */
  const decoded = (body: Uint8Array): ReturnType<typeof decodeRequest> => {
    const known = bodies.get(body);
    if (known !== undefined) return known;
    const value = decodeRequest(body, JSON_TYPE); // Whatever type is named: a page's beacon says text/plain.
    bodies.set(body, value);
    return value;
  };
  const keyIn = (body: Uint8Array): string | undefined => {
    const read = decoded(body);
    const writeKey = read.kind === "value" ? fieldsIn(read.value)["writeKey"] : undefined;
    return typeof writeKey === "string" && writeKey !== "" ? writeKey : undefined;
  };
  const post = (
    path: string,
    messagesIn: (body: Fields) => readonly unknown[] | Refusal,
    type?: MessageType,
  ): HttpRoute => ({
    method: "POST",
    path: `/v1/${path}`,
    role: "producer",
    keyIn,
    async answer(request) {
      const read = decoded(request.body);
      if (read.kind === "refused") return failed(read);
      const body = fieldsIn(read.value);
      const messages = messagesIn(body);
      if ("code" in messages) return failed(messages);
      const frame = frameOf(body, parts, type);
      return taken(parts, messages, frame, request);
    },
  });
  const single = (type: MessageType) =>
    [type, type.charAt(0)].map((path) => post(path, (body) => [body], type));
  return [
    ...["batch", "b", "import"].map((path) => post(path, batchIn)),
    ...MESSAGE_TYPES.flatMap(single),
    {
      method: "GET",
      path: "/v1/projects/:writeKey/settings",
      answer: async ({ params, baseUrl }) => replied(segmentSettings(params["writeKey"] ?? "", baseUrl)),
    },
    // What analytics.js tells of itself, if a page brings settings of its own. Nothing reads it.
    { method: "POST", path: "/v1/m", answer: async () => ({ body: SUCCESS, contentType: JSON_TYPE }) },
  ];
}

function batchIn({ batch }: Fields): readonly unknown[] | Refusal {
  if (!Array.isArray(batch)) return refuse("MISSING_FIELD", "batch is missing, or is no list of messages");
  return batch.length <= BATCH_MESSAGES
    ? batch
    : refuse("TOO_MANY", `a batch may have ${BATCH_MESSAGES} messages at most: split it`);
}

function frameOf(
  body: Fields,
  { categories, nowMs }: SegmentParts,
  type: MessageType | undefined,
): MessageFrame {
  const { sentAt, context, integrations } = body;
  return {
    sentAt,
    context,
    integrations,
    categories,
    nowMs: nowMs(),
    ...(type === undefined ? {} : { type }),
  };
}

/** Segment answers that all went well, whatever became of a message; beside that stands what was refused. */
async function taken(
  { intake }: SegmentParts,
  messages: readonly unknown[],
  frame: MessageFrame,
  { producer }: HttpRequest,
): Promise<HttpReply> {
  try {
    const items = messages.map((message) => messageEvents(message, frame));
    const { accepted, refused } = await takeItems(intake, items, producer);
    return refused.length === 0
      ? { body: SUCCESS, contentType: JSON_TYPE }
      : replied({ success: true, accepted, refused });
  } catch (thrown) {
    return failedBy(toWireError(thrown));
  }
}

function failed({ code, message }: Refusal): HttpReply {
  return failedBy(new EngineError({ code, message, retryable: false }).toWire());
}

function failedBy(error: WireError): HttpReply {
  return { ...replied({ success: false, ...error }), error };
}

function replied(value: Fields): HttpReply {
  return { body: written(value), contentType: JSON_TYPE };
}

function written(value: Fields): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
