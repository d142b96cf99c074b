import util from "node:util";
import type { Tensors } from "../embedding/deep/tensor-ops.ts";
import { EngineError } from "../kernel/engine-error.ts";

/** TensorFlow.js, and what computes for it. */
export type TensorBackend = Readonly<{
  tensors: Tensors;
  name: TensorBackendName;
  /** Why this one, as a sentence for people. */
  reason: string;
}>;

/** `native`: libtensorflow. `wasm`: WebAssembly with SIMD, in one thread. `cpu`: plain JavaScript. */
export type TensorBackendName = "native" | "wasm" | "cpu";

const NATIVE_PACKAGE = "@tensorflow/tfjs-node";

/**
 * Loads TensorFlow.js with the fastest backend that works here: native, else WASM with SIMD, else plain JavaScript.
 * Everything is loaded when it is first asked for: a node that trains nothing pays nothing.
 *
 * @param only - Takes this one or fails, instead of choosing.
 * @throws EngineError `ENCODER_NOT_TRAINABLE` if `only` does not work here.
 */
export async function tensorBackend(only?: TensorBackendName): Promise<TensorBackend> {
  const tensors: Tensors = await import("@tensorflow/tfjs-core");
  tensors.enableProdMode(); // Else it advertises its native library on standard error.
  await import("@tensorflow/tfjs-layers"); // Registers the gradients; the core's own file for that does not load in Node.
  const tried: string[] = [];
  for (const [name, start] of Object.entries(STARTS) as [TensorBackendName, Start][]) {
    if (only !== undefined && only !== name) continue;
    const problem = await start(tensors).catch((thrown: unknown) => firstLine(thrown));
    if (problem === undefined) return { tensors, name, reason: reasonFor(name, tried) };
    tried.push(problem);
  }
  const message = `TensorFlow.js can't compute with ${only ?? "any backend"}: ${tried.join("; ")}`;
  throw new EngineError({ code: "ENCODER_NOT_TRAINABLE", message, retryable: false });
}

/** Makes a backend the one in use; tells what is in the way, if anything is. */
type Start = (tensors: Tensors) => Promise<string | undefined>;

const STARTS: Readonly<Record<TensorBackendName, Start>> = {
  async native(tensors) {
    restoreForNative();
    try {
      await import(NATIVE_PACKAGE);
    } catch (thrown) {
      const isAbsent = (thrown as { code?: string }).code === "ERR_MODULE_NOT_FOUND";
      if (isAbsent) return `${NATIVE_PACKAGE} is not installed`;
      return `${NATIVE_PACKAGE} does not load (${firstLine(thrown)})`;
    }
    return await use(tensors, "tensorflow");
  },
  async wasm(tensors) {
    await import("@tensorflow/tfjs-backend-wasm");
    const hasSimd = await tensors.env().getAsync("WASM_HAS_SIMD_SUPPORT");
    return hasSimd === true ? await use(tensors, "wasm") : "this Node has no SIMD in WebAssembly";
  },
  async cpu(tensors) {
    await import("@tensorflow/tfjs-backend-cpu");
    return await use(tensors, "cpu");
  },
};

async function use(tensors: Tensors, backend: string): Promise<string | undefined> {
  const works = await tensors.setBackend(backend);
  await tensors.ready();
  return works && tensors.getBackend() === backend ? undefined : `the backend ${backend} does not start`;
}

/** Node 23 took `util.isNullOrUndefined` away, which the native package's newest release still calls. */
function restoreForNative(): void {
  const held = util as unknown as Record<string, unknown>;
  held["isNullOrUndefined"] ??= (value: unknown): boolean => value === null || value === undefined;
}

function reasonFor(name: TensorBackendName, tried: readonly string[]): string {
  const found = {
    native: "libtensorflow is installed",
    wasm: "WebAssembly with SIMD works here",
    cpu: "plain JavaScript always works, slowly",
  }[name];
  return [...tried, found].join("; ");
}

function firstLine(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.split("\n")[0] ?? text;
}
