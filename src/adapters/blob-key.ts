import { assert } from "../kernel/assert.ts";

const KEY = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** Refuses a key that some store would not take, so that every store takes the same ones. */
export function assertBlobKey(key: string): void {
  assert(
    KEY.test(key),
    `a blob key is words of letters, digits, - and _, joined by dots: ${JSON.stringify(key)}`,
  );
}
