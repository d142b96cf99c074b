import { expect, test } from "vitest";
import { judgeMachine, type MachineFacts } from "../../../src/cli/doctor/doctor-check.ts";

const GIB = 2 ** 30;

const sound: MachineFacts = {
  node: "24.21.0",
  natsServer: { path: "/usr/bin/nats-server", version: "2.12.0" },
  lmdbProblem: undefined,
  tensors: { name: "wasm", reason: "WebAssembly with SIMD works here" },
  cores: 2,
  memoryBytes: 8 * GIB,
  dataFolder: "/srv/data",
  diskFreeBytes: 100 * GIB,
};

function stateOf(name: string, given: Partial<MachineFacts>) {
  return judgeMachine({ ...sound, ...given }).find((check) => check.name === name)?.state;
}

test("a machine that has everything is ok throughout, without advice", () => {
  for (const check of judgeMachine(sound)) {
    expect(check.state).toBe("ok");
    expect(check).not.toHaveProperty("advice");
  }
});

test("the tensor backend is told with its reason", () => {
  const found = judgeMachine(sound).find(({ name }) => name === "TensorFlow.js")?.found;
  expect(found).toBe("wasm: WebAssembly with SIMD works here");
});

test.for<[string, Partial<MachineFacts>, "warn" | "fail"]>([
  ["Node", { node: "18.20.0" }, "fail"],
  ["Node", { node: "22.17.0" }, "warn"],
  ["nats-server", { natsServer: undefined }, "warn"],
  ["LMDB", { lmdbProblem: "does not work" }, "fail"],
  ["TensorFlow.js", { tensors: { name: "cpu", reason: "plain JavaScript always works" } }, "warn"],
  ["TensorFlow.js", { tensors: { problem: "no backend" } }, "warn"],
  ["cores", { cores: 1 }, "warn"],
  ["memory", { memoryBytes: GIB }, "warn"],
  ["disk", { diskFreeBytes: 2 * GIB }, "warn"],
  ["disk", { diskFreeBytes: GIB / 2 }, "fail"],
  ["disk", { diskFreeBytes: undefined }, "warn"],
])("%s: what is amiss is told with what to do about it (%o)", ([name, given, state]) => {
  expect(stateOf(name, given)).toBe(state);
  for (const check of judgeMachine({ ...sound, ...given })) {
    expect(check.state === "ok").toBe(check.advice === undefined);
  }
});
