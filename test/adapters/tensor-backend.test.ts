import { expect, test } from "vitest";
import { tensorBackend } from "../../src/adapters/tensor-backend.ts";

test("the backend that is chosen computes, slopes too, and tells why it is the one", async () => {
  const { tensors: tf, name, reason } = await tensorBackend();
  expect(["native", "wasm"]).toContain(name);
  expect(reason).toMatch(name === "wasm" ? /tfjs-node.*; WebAssembly with SIMD/ : /libtensorflow/);
  const slope = tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, 2, 3]));
  expect([...slope.dataSync()]).toEqual([2, 4, 6]);
});

test("plain JavaScript always works", async () => {
  const { tensors: tf, name } = await tensorBackend("cpu");
  expect(name).toBe("cpu");
  expect([...tf.sigmoid(tf.tensor1d([0])).dataSync()]).toEqual([0.5]);
});
