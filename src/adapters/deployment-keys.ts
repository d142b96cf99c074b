import { hkdfSync } from "node:crypto";
import type { BlobStore } from "../actors/blob-store.ts";
import { assert } from "../kernel/assert.ts";

/** What a key is for. Keys of two purposes tell nothing of each other (RFC 5869, section 3.2). */
export type KeyPurpose = "erased-users" | "location-cells" | "log-ids" | "session-tokens";

/** A key that may be replaced, and the number that tells which one something was made with. */
export type NumberedKey = Readonly<{ number: number; key: Uint8Array }>;

/** Keys of a deployment, of 32 bytes each, the same on all of its nodes. */
export type DeploymentKeys = Readonly<{
  /** A key that never changes: for what is compared with something made long ago. */
  lasting(purpose: KeyPurpose): Uint8Array;
  /** Keys that rotate with {@link rotateDeploymentKeys}, the newest first: make with the first, read with all. */
  rotating(purpose: KeyPurpose): readonly NumberedKey[];
}>;

/** Where the secrets lie among the releases. Only nodes and operators may read that bucket. */
export const SECRETS_PREFIX = "secrets.";
/** Secrets of earlier rotations that things are still read with. */
const SECRETS_READ = 3;
const SECRET_BYTES = 32;
const HASH = "sha256";
const SALT = "resonance deployment keys v1";

type Secret = Readonly<{ number: number; bytes: Uint8Array }>;

/**
 * The keys of this deployment, each derived by HKDF-SHA-256 from a secret in the store. They are not derived from the
 * key of the decisions: that one has 64 bits, enough to keep guesses out over a network, too few for something that
 * whoever holds it can try keys on at home.
 *
 * @param random - So many bytes of entropy; the first node that asks makes the first secret of them.
 * @see RFC 5869.
 */
export async function deploymentKeys(
  blobs: BlobStore,
  random: (bytes: number) => Uint8Array,
): Promise<DeploymentKeys> {
  const numbers = await secretNumbers(blobs);
  if (numbers.length === 0) {
    await blobs.create(keyOf(0), random(SECRET_BYTES)); // Another node may have been first: its secret counts.
    numbers.push(0);
  }
  const read = [...new Set([0, ...numbers.slice(-SECRETS_READ)])];
  const secrets = await Promise.all(read.map((number) => secretOf(blobs, number)));
  const [first, ...later] = secrets;
  assert(first !== undefined, "the first secret is there for ever");
  const newestFirst = (read.length <= SECRETS_READ ? secrets : later).toReversed();
  return {
    lasting: (purpose) => derived(first, `${purpose} lasting`),
    rotating: (purpose) =>
      newestFirst.map((secret) => ({ number: secret.number, key: derived(secret, `${purpose} rotating`) })),
  };
}

/**
 * Makes a new secret, which rotating keys come from at once; nodes see it by watching {@link SECRETS_PREFIX}.
 *
 * @returns Its number.
 */
export async function rotateDeploymentKeys(
  blobs: BlobStore,
  random: (bytes: number) => Uint8Array,
): Promise<number> {
  await deploymentKeys(blobs, random); // Number 0 is the lasting one: it must be there before it is followed.
  for (let number = ((await secretNumbers(blobs)).at(-1) ?? 0) + 1; ; number++)
    if (await blobs.create(keyOf(number), random(SECRET_BYTES))) return number;
}

function keyOf(number: number): string {
  return `${SECRETS_PREFIX}${number}`;
}

async function secretNumbers(blobs: BlobStore): Promise<number[]> {
  const keys = await blobs.keys(SECRETS_PREFIX);
  return keys.map((key) => Number(key.slice(SECRETS_PREFIX.length))).sort((a, b) => a - b);
}

async function secretOf(blobs: BlobStore, number: number): Promise<Secret> {
  const bytes = await blobs.get(keyOf(number));
  assert(bytes?.length === SECRET_BYTES, "a deployment's secret has 32 bytes");
  return { number, bytes };
}

function derived({ bytes }: Secret, info: string): Uint8Array {
  return new Uint8Array(hkdfSync(HASH, bytes, SALT, info, SECRET_BYTES));
}
