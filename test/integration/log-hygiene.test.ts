import { appendFile, mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connectNats } from "../../src/adapters/nats-connection.ts";
import { NatsLog } from "../../src/adapters/nats-log.ts";
import { connectClient } from "../../src/cli/client.ts";
import { subjectsOf } from "../../src/events/subjects.ts";
import { decode, encode } from "../../src/kernel/msgpack.ts";
import { documentedEvents } from "../docs/documented-events.ts";
import { JSON_TYPE, MSGPACK_TYPE, mutants } from "../fuzz/fuzz-inputs.ts";
import { RECORDED } from "../fuzz/recorded-messages.ts";
import { documentedCodes } from "../gateway/documented-codes.ts";
import { PARSED_MAP } from "../gateway/gateway-world.ts";
import { poisonEntry, START_MS } from "../shards/a-shard.ts";
import { startNats } from "../start-nats.ts";
import { definitionsFile, untilFolded } from "./node-client.ts";
import { startNodeProcess } from "./node-process.ts";

/** Parts of all ids, texts and secrets that are sent: nothing that a node writes has one of these in it. */
const MARKS = ["Qzj7wvx", "Hk4pyfb", "Xm9trcd"] as const;
const [ID, TEXT, SECRET] = MARKS;
const FUZZED = 3_000;
const JSON_LINES = ["--log-format", "json"];

const event = {
  id: `event-${ID}-1`,
  user: `user-${ID}`,
  type: "view",
  ts: START_MS,
  item: `item-${ID}`,
  peer: `peer-${ID}`,
  text: `I love ${TEXT}`,
  query: `where is ${TEXT}`,
  context: { referrer: `https://${TEXT}.example/?q=${TEXT}` },
  traits: { name: TEXT },
  consent: { text: true, social: true },
};

test("whatever goes wrong, a node writes no id, no text and no secret, and it lives through it", async () => {
  const nats = await startNats();
  const folder = await mkdtemp(join(tmpdir(), "resonance-hygiene-"));
  const segments = await definitionsFile(folder, { version: 1, maps: [PARSED_MAP] });
  const said: string[] = [];
  const logged: string[] = [];
  const hear = (line: string): void => {
    said.push(line);
    logged.push(line);
  };
  const start = () =>
    startNodeProcess(
      [
        "--nats",
        nats.url,
        "--data",
        folder,
        "--shards",
        "1",
        "--segments",
        segments,
        "--no-refit",
        ...JSON_LINES,
      ],
      { said: hear, printed: (line) => void said.push(line) },
    );
  let node = await start();
  const connection = await connectNats({ servers: [nats.url], name: "hygiene test" });
  const client = await connectClient({ nats: nats.url, data: folder, prefix: "resonance" }, "hygiene test");
  const subjects = subjectsOf("resonance");
  const ask = (subject: string, data: Uint8Array, contentType = "") =>
    client.bus.request(subject, data, { timeoutMs: 10_000, contentType }).catch((thrown: unknown) => thrown);
  try {
    const documented = documentedCodes();
    const all = { endpoints: ["ingest", "score", "score.batch", "score.session", "segments.put", "content"] };
    const next = mutants({ ...all, types: [JSON_TYPE, MSGPACK_TYPE], recorded: markedMessages() }, 17);
    for (let sent = 0; sent < FUZZED; sent += 20)
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const { endpoint, data, contentType } = next();
          const header = /^[\x20-\x7e]*$/.test(contentType) ? contentType : ""; // Others no client sends.
          const { error } = await client.bus.request(subjects.api(endpoint), data, {
            timeoutMs: 10_000,
            contentType: header,
          });
          if (error !== undefined) expect(documented).toContain(error.code);
          expect(error?.code).not.toBe("INTERNAL");
          expect(JSON.stringify(error ?? "")).not.toMatch(MARKED);
        }),
      );

    // What no gateway lets through: entries that throw, that can't be read, and other streams' garbage.
    const log = await NatsLog.over(connection);
    const poison = poisonEntry({ id: `poison-${ID}`, user: `user-${ID}`, type: TEXT, tsMs: START_MS });
    const unreadable = Uint8Array.of(1, ...encode({ [TEXT]: ID }), ...encode(`${ID} ${TEXT}`));
    const garbage = new TextEncoder().encode(`${ID} "${TEXT}" {${SECRET}}`);
    await log.append(subjects.shardLog(0), [
      { id: "poison", data: poison },
      { id: "unreadable", data: unreadable },
      { id: "garbage", data: garbage },
    ]);
    await log.append(subjects.samples, [{ id: "garbage", data: garbage }]);
    for (const name of ["score", "session", "content", "holding", "traffic", "histories", "compare", "drift"])
      for (const data of [
        garbage,
        encode({ users: [{ [ID]: TEXT }], user: { [ID]: 1 }, behaviours: [ID], map: ID }),
      ])
        await ask(subjects.shard(0, name), data);
    for (const name of ["train", "training", "calibrate", "whatif", "drift"])
      for (const data of [garbage, encode({ kinds: [ID], rollOut: ID, maps: ID, sample: TEXT })])
        await ask(subjects.profileActor(name), data);
    await ask(subjects.api("explain"), encode({ user: `user-${ID}`, segments: [ID] }), MSGPACK_TYPE);
    const status = await untilFolded(client);
    expect(status.ready).toBe(true);
    expect(said.join("\n")).toMatch(/set aside \((INTERNAL|LOG_ENTRY_UNREADABLE)\)/);
    expect(said.join("\n")).toMatch(/entry \d+ of user#[0-9a-f]{8}/);

    // Its stores are damaged while it is away, and it starts over them.
    await node.stop();
    for (const place of ["shards/0", "profiles"]) {
      const file = join(folder, place, "data.mdb");
      await truncate(file, 20_000);
      await appendFile(file, `${ID}${TEXT}${SECRET}`);
    }
    node = await start();
    expect((await untilFolded(client)).ready).toBe(true);
    expect(said.join("\n")).toMatch(/was set aside as/);
    // A server that is not there, named with a secret.
    const address = `nats://operator:${SECRET}@127.0.0.1:1`;
    const other = ["--nats", address, "--data", join(folder, "other"), ...JSON_LINES];
    const failed = await startNodeProcess(other, {
      said: hear,
      printed: (line) => void said.push(line),
    }).catch((thrown: unknown) => thrown);
    expect(failed).toBeInstanceOf(Error);
    expect(said.join("\n")).toContain("NATS_UNREACHABLE");

    expect(said.filter((line) => MARKED.test(line))).toEqual([]);
    const lines = logged.map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of lines) {
      expect(documentedEvents()).toContain(line["event"]);
      expect(["info", "warn", "error"]).toContain(line["level"]);
      expect(String(line["time"])).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      if (line["event"] !== "node.failed") expect(String(line["node"])).toMatch(/^[\w-]+$/);
    }
    const setAside = lines.find((line) => line["event"] === "entry.set-aside");
    expect(setAside).toMatchObject({ level: "warn", unit: "shard-0", code: expect.any(String) });
    expect(await marksInReasons(connection, subjects.deadLetters)).toEqual([]);
    expect(await marksInLogs(folder)).toEqual([]);
  } finally {
    await client.close();
    await connection.close();
    await node.stop();
    await nats.stop();
    await rm(folder, { recursive: true, force: true });
  }
}, 180_000);

const MARKED = new RegExp(MARKS.join("|"));

/** Valid messages in which every text is marked. */
function markedMessages(): Record<string, readonly unknown[]> {
  return {
    ...RECORDED,
    ingest: [event, { events: [event, { ...event, id: `event-${ID}-2`, type: "purchase", value: 5 }] }],
    score: [{ user: event.user }, { user: event.user, map: "life", context: event.context }],
    "score.session": [{ events: [event] }],
    "score.batch": [{ users: [event.user, `other-${ID}`] }],
  };
}

/** Reasons of dead letters with a mark; their entries have some, which is what they are kept for. */
async function marksInReasons(
  connection: Awaited<ReturnType<typeof connectNats>>,
  stream: string,
): Promise<unknown[]> {
  const reader = await (await NatsLog.over(connection)).read(stream, 1);
  const letters = (await reader.next(100)).map(({ data }) => decode(data) as Record<string, unknown>);
  await reader.close();
  expect(letters.length).toBeGreaterThanOrEqual(3);
  return letters.filter(({ data, ...rest }) => MARKED.test(JSON.stringify(rest)));
}

/** Files of the data folder that are meant to be read by people, with a mark. */
async function marksInLogs(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  const found: string[] = [];
  for (const file of files.filter((name) => /\.(log|json|txt)$/.test(name)))
    if (MARKED.test(await readFile(join(folder, file), "latin1"))) found.push(file);
  return found;
}
