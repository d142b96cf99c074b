/** What a closed loop is told, and what it calls. */
export type ClosedLoopOptions = Readonly<{
  /** Requests under way at a time. */
  inFlight: number;
  /** Whether another request is to be sent; asked before each. */
  goesOn(): boolean;
  /** Sends the next request; calls `done` exactly once, when it is answered or has failed. */
  send(done: () => void): void;
  /** Told of each answer: the time since it was sent. */
  answered(latencyMs: number): void;
}>;

/** Keeps a number of requests under way: each answer sends the next one. Resolves once all are answered. */
export function closedLoop({ inFlight, goesOn, send, answered }: ClosedLoopOptions): Promise<void> {
  return new Promise((resolve) => {
    let open = 0;
    const next = (): void => {
      if (!goesOn()) {
        if (open === 0) resolve();
        return;
      }
      open++;
      const sentMs = performance.now();
      send(() => {
        answered(performance.now() - sentMs);
        open--;
        next();
      });
    };
    for (let i = 0; i < inFlight; i++) next();
  });
}
