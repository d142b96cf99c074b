import { hkdfSync, scrypt } from "node:crypto";
import { promisify } from "node:util";
import { EngineError } from "../kernel/engine-error.ts";
import { aesCipher } from "./aes-cipher.ts";
import { entropyBytes } from "./entropy.ts";
import type { FrameSeal } from "./frame-file.ts";

/** How a key is made of a passphrase, and what shows whether it is the right one. */
export type PassphraseLock = Readonly<{
  kdf: "scrypt";
  salt: string;
  cost: number;
  blockSize: number;
  parallel: number;
  /** A text that is known, sealed. */
  proof: string;
}>;

/** Seals the files of one backup, each with a key of its own. */
export type FileSeals = Readonly<{ lock: PassphraseLock; sealOf(file: string): FrameSeal }>;

/** 64 MiB and a tenth of a second for each guess. */
const COST = { cost: 65_536, blockSize: 8, parallel: 1 } as const;
const MEMORY_MAX_BYTES = 256 * 2 ** 20;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
const PROOF = new TextEncoder().encode("resonance backup");
const derive = promisify<string, Uint8Array, number, Record<string, number>, Buffer>(scrypt);

/** A new lock for a passphrase. @see RFC 7914 (scrypt). */
export async function newLock(passphrase: string): Promise<FileSeals> {
  const salt = entropyBytes(SALT_BYTES);
  const made = { kdf: "scrypt", salt: Buffer.from(salt).toString("hex"), ...COST } as const;
  const key = await keyOf(passphrase, made);
  const proof = await aesCipher.seal(fileKey(key, ""), 0, PROOF);
  return sealsOf({ ...made, proof: Buffer.from(proof).toString("hex") }, key);
}

/** Opens a lock. @throws EngineError `WRONG_PASSPHRASE`. */
export async function openLock(lock: PassphraseLock, passphrase: string): Promise<FileSeals> {
  const key = await keyOf(passphrase, lock);
  const proof = Uint8Array.from(Buffer.from(lock.proof, "hex"));
  await aesCipher.unseal(fileKey(key, ""), 0, proof).catch(() => {
    const message = "the passphrase is not the one that the backup was sealed with";
    throw new EngineError({ code: "WRONG_PASSPHRASE", message, retryable: false });
  });
  return sealsOf(lock, key);
}

function sealsOf(lock: PassphraseLock, key: Uint8Array): FileSeals {
  return {
    lock,
    sealOf(file) {
      const own = fileKey(key, file);
      return {
        seal: (number, bytes) => aesCipher.seal(own, number, bytes),
        unseal: (number, bytes) => aesCipher.unseal(own, number, bytes),
      };
    },
  };
}

async function keyOf(passphrase: string, how: Omit<PassphraseLock, "proof">): Promise<Uint8Array> {
  const { salt, cost: N, blockSize: r, parallel: p } = how;
  return derive(passphrase.normalize("NFKC"), Buffer.from(salt, "hex"), KEY_BYTES, {
    N,
    r,
    p,
    maxmem: MEMORY_MAX_BYTES,
  });
}

/** Frames are numbered in each file: with one key for all, two would share a nonce. */
function fileKey(key: Uint8Array, file: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, "resonance backup v1", file, KEY_BYTES));
}
