import { writeFileSync } from "node:fs";
import { compileKernels, MODULE_FILE, moduleSource } from "./compile-kernels.ts";

// `npm run build:kernels`, after a change in src/embedding/kernels.
writeFileSync(MODULE_FILE, moduleSource(compileKernels()));
