import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KERNEL_MODULE } from "../../src/embedding/kernel-module.ts";
import { type Placement, VectorKernels, vectorKernels } from "../../src/embedding/vector-kernels.ts";
import { compileKernels, MODULE_FILE, moduleSource } from "./kernels/compile-kernels.ts";

const MEBIBYTE = 2 ** 20;
/** Owners that fill as much of the memory as they say, with their number. */
type Owner = Readonly<{ number: number; sizeBytes: number }>;
const placement: Placement<Owner> = {
  sizeBytes: ({ sizeBytes }) => sizeBytes,
  write: ({ number, sizeBytes }, at, { float64 }) => float64.fill(number, at / 8, (at + sizeBytes) / 8),
};

test("the committed module is what the sources compile to", { timeout: 120_000 }, () => {
  const module = compileKernels();
  expect(KERNEL_MODULE).toBe(Buffer.from(module).toString("base64"));
  expect(readFileSync(MODULE_FILE, "utf8")).toBe(moduleSource(module));
});

test("what was placed stays where it is, and is found again by identity", () => {
  const kernels = new VectorKernels();
  const owners = [1, 2, 3].map((number) => ({ number, sizeBytes: 104 }));
  const places = owners.map((owner) => kernels.place(owner, placement));
  const [first = 0] = places;
  expect(places).toEqual([first, first + 128, first + 256]);
  expect(owners.map((owner) => kernels.place(owner, placement))).toEqual(places);
  expect(places.map((place) => kernels.float64[place / 8])).toEqual([1, 2, 3]);
  expect(kernels.place({ ...owners[0]! }, placement)).toBe(first + 384);
});

test("a full memory begins anew, and who was there is placed again", () => {
  const kernels = new VectorKernels();
  const owners = Array.from({ length: 5 }, (_, number) => ({ number, sizeBytes: 5 * MEBIBYTE }));
  for (const owner of [...owners, ...owners]) {
    expect(kernels.float64[kernels.place(owner, placement) / 8]).toBe(owner.number);
  }
});

test("what fills the memory alone is placed; what is larger is a bug", () => {
  const kernels = new VectorKernels();
  const first = kernels.place({ number: 1, sizeBytes: 8 }, placement);
  const most = 16 * MEBIBYTE - first;
  expect(kernels.place({ number: 2, sizeBytes: most }, placement)).toBe(first);
  expect(() => kernels.place({ number: 3, sizeBytes: most + 1 }, placement)).toThrow("do not fit");
});

test("views of the memory stay valid: it never grows", () => {
  const kernels = new VectorKernels();
  const { float64 } = kernels;
  for (let number = 0; number < 100; number++) kernels.place({ number, sizeBytes: MEBIBYTE }, placement);
  expect(float64.length).toBe((16 * MEBIBYTE) / 8);
});

test("the kernels' constants are never written over", () => {
  const kernels = new VectorKernels();
  const before = kernels.float64.slice(0, 1_024);
  expect(kernels.place({ number: 1, sizeBytes: 8 }, placement)).toBeGreaterThan(0);
  const end = before.findLastIndex((number) => number !== 0) + 1;
  for (let number = 0; number < 40; number++) kernels.place({ number, sizeBytes: MEBIBYTE }, placement);
  expect(kernels.float64.slice(0, end)).toEqual(before.slice(0, end));
});

test("a thread has one instance", () => {
  expect(vectorKernels()).toBe(vectorKernels());
});
