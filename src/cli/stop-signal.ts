/** A Ctrl-C in a terminal reaches a command twice at once: by itself, and by the process that started it. */
const TWICE_AFTER_MS = 1_000;
/** What shells add to a signal's number for an exit status. */
const STATUS_OF = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Resolves when the process is asked to end: Ctrl-C or SIGTERM. Whoever asks again, a second later or more, does not want to wait:
 * the process ends at once.
 */
export function stopSignal(): Promise<"stopped"> {
  let askedMs: number | undefined;
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const)
      process.on(signal, () => {
        const nowMs = performance.now();
        if (askedMs !== undefined && nowMs - askedMs >= TWICE_AFTER_MS) process.exit(STATUS_OF[signal]);
        askedMs ??= nowMs;
        resolve("stopped");
      });
  });
}
