import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "../actors/bus.ts";
import { type NatsAccess, type NatsIdentity, natsAccess, urlsOf } from "../adapters/nats-access.ts";
import { natsBus } from "../adapters/nats-bus.ts";
import { connectNats } from "../adapters/nats-connection.ts";
import { type Subjects, subjectsOf } from "../events/subjects.ts";
import { EngineError, fromWireError } from "../kernel/engine-error.ts";
import { identityOf, type NatsOptions } from "./nats-options.ts";

/** Where a command finds the engine. */
export type ClientOptions = NatsOptions &
  Readonly<{
    nats?: string;
    data: string;
    prefix: string;
    /** Who connects, if the options of a command do not tell it. */
    identity?: NatsIdentity;
  }>;

/** A service's view of a running engine: requests to its public subjects, JSON in and out. */
export type Client = Readonly<{
  bus: Bus;
  subjects: Subjects;
  /** URLs of the servers, without secrets. */
  url: string;
  /** To connect once more, as who this client is. */
  access: NatsAccess;
  /**
   * Asks a public endpoint, such as `score`.
   *
   * @throws EngineError with the code that the engine answered, or `TIMEOUT` / `NO_RESPONDERS`.
   */
  ask(endpoint: string, body: unknown, timeoutMs?: number): Promise<unknown>;
  close(): Promise<void>;
}>;

/** Endpoints that may be asked again without harm: a gateway that dies with a request never answers it. */
const READS: ReadonlySet<string> = new Set([
  "score",
  "score.batch",
  "score.session",
  "profiles",
  "status",
  "shards",
  "segments.get",
  "privacy.report",
  "experiments.status",
  "experiments.report",
  "content",
  "content.get",
  "content.rates",
]);
/** Longer than a shard whose owner has died takes to be answered for again. */
const READ_TIMEOUT_MS = 2_500;

/** The file in a node's data folder that tells commands on the same machine where its NATS is. */
export const ENDPOINT_FILE = "endpoint.json";

/**
 * Connects to the engine at `--nats`, or to the one that runs on the data folder.
 *
 * @throws EngineError `NO_ENGINE` if neither is known, `NATS_UNREACHABLE` if nothing answers there, and what else
 * {@link connectNats} throws.
 */
export async function connectClient(options: ClientOptions, name: string): Promise<Client> {
  const access = await engineAccess(options);
  const connection = await connectNats({ ...access, name });
  const bus = natsBus(connection);
  const subjects = subjectsOf(options.prefix);
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return {
    bus,
    subjects,
    url: urlsOf(access),
    access,
    close: () => connection.close(),
    async ask(endpoint, body, timeoutMs = 10_000) {
      const data = encoder.encode(JSON.stringify(body ?? {}));
      const deadlineMs = performance.now() + timeoutMs;
      while (true) {
        const leftMs = deadlineMs - performance.now();
        const isFinal = !READS.has(endpoint) || leftMs <= READ_TIMEOUT_MS;
        try {
          const patienceMs = isFinal ? Math.max(1, leftMs) : READ_TIMEOUT_MS;
          const reply = await bus.request(subjects.api(endpoint), data, { timeoutMs: patienceMs });
          if (reply.error !== undefined) throw fromWireError(reply.error);
          return JSON.parse(decoder.decode(reply.data));
        } catch (thrown) {
          const isLost = thrown instanceof EngineError && thrown.code === "TIMEOUT";
          if (isFinal || !isLost) throw thrown;
        }
      }
    },
  };
}

/** Asks one question, over a connection of its own. @throws What {@link connectClient} and the engine throw. */
export async function askOnce(options: ClientOptions, endpoint: string, body: unknown): Promise<unknown> {
  const client = await connectClient(options, `resonance ${endpoint}`);
  try {
    return await client.ask(endpoint, body);
  } finally {
    await client.close();
  }
}

/**
 * The NATS servers of the engine at `--nats`, or of the one that runs on the data folder, and who connects.
 *
 * @throws EngineError `NO_ENGINE` if neither is known; `NO_SUCH_AUTH`, `AUTH_ROLE_NEEDED`, `BAD_NATS_URL`.
 */
export async function engineAccess(options: ClientOptions): Promise<NatsAccess> {
  const identity = options.identity ?? (await identityOf(options));
  return natsAccess(options.nats ?? (await endpointOf(options.data)), identity);
}

async function endpointOf(dataDir: string): Promise<string> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(dataDir, ENDPOINT_FILE), "utf8"));
    if (
      typeof parsed === "object" &&
      parsed !== null &&
      "nats" in parsed &&
      typeof parsed.nats === "string"
    ) {
      return parsed.nats;
    }
  } catch {
    // Missing or half-written: the error below says what to do in both cases.
  }
  throw new EngineError({
    code: "NO_ENGINE",
    message: `no engine runs on ${dataDir}: start one with "resonance up --data ${dataDir}", or name its NATS with --nats URL`,
    retryable: false,
  });
}
