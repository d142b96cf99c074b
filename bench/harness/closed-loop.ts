/** What a closed loop is told, and what it calls. */
export type ClosedLoopOptions = Readonly<{
  /** Requests under way at a time. */
  inFlight: number;
  /** Whether another request is to be sent; asked before each. */
  goesOn(): boolean;
  /** Sends the next request; calls `done` exactly once, when it is answered in order or has failed. */
  send(done: (isGood: boolean) => void): void;
  /** Told of each end: the time since it was sent, and whether it was an answer. */
  answered(latencyMs: number, isGood: boolean): void;
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
      send((isGood) => {
        answered(performance.now() - sentMs, isGood);
        open--;
        next();
      });
    };
    for (let i = 0; i < inFlight; i++) next();
  });
}
