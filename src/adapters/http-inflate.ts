import type { Readable } from "node:stream";
import { createGunzip, createInflate } from "node:zlib";
import type { FastifyReply, FastifyRequest, RequestPayload } from "fastify";
import { EngineError } from "../kernel/engine-error.ts";

/**
 * A body without its compression. It is inflated as it is read, and whoever reads stops at the limit of bodies: a small body
 * that would become a huge one is never more than that in memory.
 *
 * @throws EngineError `UNSUPPORTED_ENCODING`.
 */
export function inflated(
  request: FastifyRequest,
  reply: FastifyReply,
  payload: RequestPayload,
): RequestPayload {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity") return payload;
  if (encoding !== "gzip" && encoding !== "deflate") {
    const message = "send the body as it is, or with gzip or deflate";
    throw new EngineError({ code: "UNSUPPORTED_ENCODING", message, retryable: false });
  }
  const inflate: Readable & { receivedEncodedLength?: number } =
    encoding === "gzip" ? createGunzip() : createInflate();
  inflate.receivedEncodedLength = 0;
  // The reader compares this with the announced length, as it would the body's own.
  payload.on("data", (chunk: Buffer) => {
    inflate.receivedEncodedLength = (inflate.receivedEncodedLength ?? 0) + chunk.length;
  });
  inflate.on("error", () => payload.unpipe()); // The reader is told of it by its own listener.
  reply.raw.once("close", () => inflate.destroy());
  payload.pipe(inflate as unknown as NodeJS.WritableStream);
  return inflate as RequestPayload;
}
