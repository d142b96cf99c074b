import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** A demo as somebody starts it. */
export type DemoProcess = Readonly<{
  /** The address that it has printed, and the key. */
  url: string;
  operatorKey: string;
  stop(): Promise<void>;
}>;

/** Runs `resonance demo` with these options until it has printed where its console is. */
export async function startDemo(options: readonly string[]): Promise<DemoProcess> {
  const child = spawn(process.execPath, [MAIN, "demo", ...options], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const said: string[] = [];
  const found = new Promise<Readonly<{ url: string; operatorKey: string }>>((resolve) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      said.push(line);
      const text = said.join("\n");
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(text) ?? [];
      const [operatorKey] = /rsn_o_\S+/.exec(text) ?? [];
      if (url !== undefined && operatorKey !== undefined) resolve({ url, operatorKey });
    });
  });
  const early = exited.then(() => {
    throw new Error(`the demo ended before it said where its console is:\n${said.join("\n")}`);
  });
  early.catch(() => {}); // It ends later, too.
  const told = await Promise.race([found, early]);
  return {
    ...told,
    async stop() {
      child.kill("SIGTERM");
      await exited;
    },
  };
}
