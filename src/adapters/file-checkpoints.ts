import { access, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { TrainingCheckpoints } from "../embedding/encoder-training.ts";

/** Keeps the newest state of a training in one file, which is there whole or not at all. */
export function fileCheckpoints(path: string): TrainingCheckpoints {
  return {
    async load() {
      const isThere = await access(path).then(
        () => true,
        () => false,
      );
      return isThere ? new Uint8Array(await readFile(path)) : undefined;
    },
    async save(bytes) {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.part`, bytes);
      await rename(`${path}.part`, path);
    },
  };
}
