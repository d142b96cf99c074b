/** Resolves when the process is asked to end: Ctrl-C or SIGTERM. A second signal changes nothing. */
export function stopSignal(): Promise<"stopped"> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve("stopped"));
  });
}
