import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { EngineError } from "../kernel/engine-error.ts";

/** What is known of a file of frames when it is whole. */
export type FrameFile = Readonly<{ file: string; frames: number; bytes: number; sha256: string }>;

/** What frames are sealed with on their way into a file, by their number in it; left out: they lie open. */
export type FrameSeal = Readonly<{
  seal(number: number, bytes: Uint8Array): Promise<Uint8Array>;
  unseal(number: number, bytes: Uint8Array): Promise<Uint8Array>;
}>;

export interface FrameWriter {
  /** Resolves once the system has it. */
  add(frame: Uint8Array): Promise<void>;
  /** Resolves once the disk has all of it. */
  end(): Promise<Omit<FrameFile, "file">>;
}

const LENGTH_BYTES = 4;

/** Writes a file of frames: of each its length, and its bytes. Only the owner may read it. */
export async function writeFrames(path: string, seal?: FrameSeal): Promise<FrameWriter> {
  const handle = await open(path, "w", 0o600);
  const hash = createHash("sha256");
  let frames = 0;
  let bytes = 0;
  const write = async (part: Uint8Array): Promise<void> => {
    hash.update(part);
    bytes += part.length;
    await handle.writeFile(part);
  };
  return {
    async add(frame) {
      const stored = seal === undefined ? frame : await seal.seal(frames, frame);
      const framed = new Uint8Array(LENGTH_BYTES + stored.length);
      new DataView(framed.buffer).setUint32(0, stored.length, true);
      framed.set(stored, LENGTH_BYTES);
      frames++;
      await write(framed);
    },
    async end() {
      await handle.sync();
      await handle.close();
      return { frames, bytes, sha256: hash.digest("hex") };
    },
  };
}

/**
 * The frames of a file, in order.
 *
 * @throws EngineError `BACKUP_CORRUPT` as soon as it is not what it was when it was written, at the end at the latest.
 */
export async function* readFrames(
  path: string,
  known: FrameFile,
  seal?: FrameSeal,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let pending: Buffer = Buffer.alloc(0);
  let frames = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
      pending = pending.length === 0 ? (chunk as Buffer) : Buffer.concat([pending, chunk as Buffer]);
      for (;;) {
        const length = pending.length < LENGTH_BYTES ? Number.POSITIVE_INFINITY : pending.readUInt32LE(0);
        if (pending.length < LENGTH_BYTES + length) break;
        const stored = Uint8Array.from(pending.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
        pending = pending.subarray(LENGTH_BYTES + length);
        yield seal === undefined ? stored : await seal.unseal(frames, stored);
        frames++;
      }
    }
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw corrupt(known.file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (pending.length > 0 || frames !== known.frames || hash.digest("hex") !== known.sha256)
    throw corrupt(known.file, "it does not have its checksum");
}

function corrupt(file: string, reason: string, cause?: unknown): EngineError {
  const message = `${file} of the backup is damaged: ${reason}`;
  return new EngineError({ code: "BACKUP_CORRUPT", message, retryable: false, detail: { file }, cause });
}
