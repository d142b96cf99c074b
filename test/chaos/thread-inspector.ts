/** What is run inside a thread of another process. */
export type ThreadFault =
  /** The thread ends at once, as after a crash of its own. */
  | Readonly<{ kind: "end" }>
  /** The thread's event loop stands still. */
  | Readonly<{ kind: "hang"; ms: number }>;

const ANSWER_TIMEOUT_MS = 5_000;
/** Only threads with connections hold units of the cluster: the others are there for fits. */
const HOLDS_CONNECTION = 'process.getActiveResourcesInfo().includes("TCPSocketWrap")';

type Message = Readonly<{
  id?: number;
  method?: string;
  params?: Readonly<Record<string, unknown>>;
  result?: Readonly<Record<string, unknown>>;
}>;

/**
 * Does something to one worker thread of a process, through its inspector: so the engine needs no door for tests.
 *
 * @param url - Where the process's inspector listens, as it says after SIGUSR1.
 * @param pick - Draws an index below n.
 * @returns Whether a thread was found.
 */
export async function inThread(
  url: string,
  fault: ThreadFault,
  pick: (n: number) => number,
): Promise<boolean> {
  const inspector = await Inspector.connect(url);
  try {
    const threads = await inspector.threads();
    const units: string[] = [];
    for (const thread of threads) if (await inspector.evaluate(thread, HOLDS_CONNECTION)) units.push(thread);
    const chosen = units[pick(units.length)];
    if (chosen === undefined) return false;
    // From a timer, so that this evaluation is answered first.
    const act =
      fault.kind === "end"
        ? "process.exit(1)"
        : `{ const until = performance.now() + ${fault.ms}; while (performance.now() < until); }`;
    await inspector.evaluate(chosen, `setTimeout(() => { ${act} }, 20), true`);
    return true;
  } finally {
    inspector.close();
  }
}

class Inspector {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #threads: string[] = [];
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#receive(JSON.parse(String(event.data)) as Message));
  }

  static async connect(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error(`no inspector answers at ${url}`)));
    });
    return new Inspector(socket);
  }

  /** Sessions of the worker threads: all of them are told before the answer. */
  async threads(): Promise<readonly string[]> {
    await this.#ask("NodeWorker.enable", { waitForDebuggerOnStart: false });
    return this.#threads;
  }

  /** The value of an expression in a thread; undefined if the thread does not answer. */
  async evaluate(sessionId: string, expression: string): Promise<unknown> {
    const id = ++this.#lastId;
    const message = JSON.stringify({ id, method: "Runtime.evaluate", params: { expression } });
    const answer = this.#answerTo(id);
    await this.#ask("NodeWorker.sendMessageToWorker", { sessionId, message });
    const { result } = await answer;
    return (result?.["result"] as { value?: unknown } | undefined)?.value;
  }

  close(): void {
    this.#socket.close();
  }

  async #ask(method: string, params: object): Promise<Message> {
    const id = ++this.#lastId;
    const answer = this.#answerTo(id);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer;
  }

  #answerTo(id: number): Promise<Message> {
    return new Promise((resolve) => {
      const settle = (message: Message): void => {
        clearTimeout(late);
        this.#answers.delete(id);
        resolve(message);
      };
      const late = setTimeout(() => settle({}), ANSWER_TIMEOUT_MS);
      this.#answers.set(id, settle);
    });
  }

  #receive(message: Message): void {
    if (message.id !== undefined) this.#answers.get(message.id)?.(message);
    const { params } = message;
    if (message.method === "NodeWorker.attachedToWorker") this.#threads.push(String(params?.["sessionId"]));
    if (message.method === "NodeWorker.receivedMessageFromWorker")
      this.#receive(JSON.parse(String(params?.["message"])) as Message);
  }
}
